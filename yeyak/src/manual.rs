//! Completions for shells, and man pages: made from the command line itself.

use std::fs;
use std::path::Path;

use clap_complete::Shell;

use crate::cli;
use crate::error::Fatal;

/// What a shell reads to complete Yeyak's command line.
///
/// # Errors
/// Never of itself.
pub(crate) fn completions(shell: Shell) -> Result<String, Fatal> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "yeyak", &mut script);
    String::from_utf8(script).map_err(|error| Fatal::Failed(error.to_string()))
}

/// Writes a man page for each command to `directory`, and says which.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn pages(directory: &Path) -> Result<String, Fatal> {
    let failed = |error: std::io::Error| Fatal::Failed(format!("{}: {error}", directory.display()));
    fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(cli::command(), directory).map_err(failed)?;
    let names = fs::read_dir(directory).map_err(failed)?;
    let mut names: Vec<String> = names.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("yeyak") && name.ends_with(".1"));
    names.sort_unstable();
    Ok(names.into_iter().map(|name| format!("{}\n", directory.join(name).display())).collect())
}
