//! (grows next)

pub mod replay;
