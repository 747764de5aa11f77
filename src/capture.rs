//! (grows next)

pub mod file;
