use std::path::Path;
use std::process::{Command, Stdio};

/// Why a task failed, in a sentence.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// A command line, run in `root` and shown before it runs.
pub(crate) fn command(root: &Path, program: &str, arguments: &[&str]) -> Command {
    println!("+ {program} {}", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root);
    without_package(&mut command);
    command
}

/// Cargo tells what it runs, such as this, of which package that is. A build script that looks at these variables (ring's does) would take every
/// other build for one that is not its own, and half of the program would be built anew each time.
#[allow(clippy::disallowed_methods, reason = "these are cargo's own variables, and are taken away")]
fn without_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
}

/// Runs a command to its end; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("`{program}` does not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{program}` failed: {status}")) }
}

/// Runs a command to its end and gives what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("`{program}` does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program}` failed: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{program}` wrote something that is not UTF-8"))
}
