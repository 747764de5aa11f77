//! (grows next)
#![allow(unsafe_code, reason = "the kernel's interfaces; every use states its proof")]

mod file_map;

pub use file_map::{FileMap, map_file};
