//! Lists the pages of `docs/errors` with their texts, so that they are part of the crate.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// From the folder of the package, in which cargo runs this.
const PAGES: &str = "../../docs/errors";

#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "cargo tells a build script its folder by a variable, and reads what it prints"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={PAGES}");
    let mut files: Vec<_> = fs::read_dir(PAGES)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort_by_key(|file| file.file_stem().map(ToOwned::to_owned));
    let mut list = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let code = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        writeln!(list, "    ({code:?}, {:?}),", fs::read_to_string(&file)?)?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("pages.rs"), list)?;
    Ok(())
}
