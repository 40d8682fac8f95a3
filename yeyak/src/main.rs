//! Yeyak.
fn main() {}
