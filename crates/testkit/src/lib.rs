//! x

pub mod disk;
