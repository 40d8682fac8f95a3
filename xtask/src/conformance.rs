//! Whether a running installation keeps its contract: schemathesis reads the document that it serves, makes requests of all kinds of it,
//! good and bad, and looks at each answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::shell::{self, Outcome};

/// Its version and those of all that it brings along.
const REQUIREMENTS: &str = "xtask/schemathesis.txt";

/// How it goes about it; what stands there says why.
const SETTINGS: &str = "xtask/schemathesis.toml";

/// The same requests in every run.
const SEED: &str = "1";

/// How many requests it makes of each operation, in each of its phases. With these, all of it takes some twenty seconds.
const EXAMPLES: &str = "25";

/// When the installation believes to be: within a slot, so that a meeting can be reserved and started.
const CLOCK: &str = "2026-11-23T10:05:00+09:00";

/// The systems, each with what it is sent first: chance alone would hardly reserve a slot and start what it reserved.
const SYSTEMS: &[(&str, &[(&str, &str)])] = &[
    (
        "meetingroom",
        &[("/reserves", r#"{"userId": "1", "roomId": 3}"#), ("/conferences", r#"{"userId": "1", "roomId": 3, "reserveId": 1}"#)],
    ),
    ("restaurant", &[("/reservations", r#"{"customerId": "1", "restaurantNo": "10", "day": "20261124"}"#)]),
];

/// Installs schemathesis beside the build, starts `binary` with the sample data of each system alone, and has it asked.
pub(crate) fn run(root: &Path, target: &Path, binary: &Path) -> Outcome {
    let schemathesis = install(root, target)?;
    SYSTEMS.iter().try_for_each(|(system, first)| ask(root, &schemathesis, binary, system, first))
}

fn ask(root: &Path, schemathesis: &Path, binary: &Path, system: &str, first: &[(&str, &str)]) -> Outcome {
    let data = tempfile::tempdir().map_err(|error| format!("no place for data: {error}"))?;
    let mut yeyak = Yeyak::start(root, binary, system, data.path())?;
    first.iter().try_for_each(|(path, body)| yeyak.post(path, body))?;
    let url = format!("http://{}", yeyak.address);
    let schema = format!("{url}/openapi.json");
    let settings = root.join(SETTINGS);
    let line = ["--config-file", &settings.to_string_lossy(), "run", &schema, "--url", &url, "--seed", SEED, "--max-examples", EXAMPLES];
    let more = ["--continue-on-failure", "--no-shrink", "--suppress-health-check", "all", "--warnings", "off"];
    // What it remembers of a run is left with its data.
    shell::run(shell::command(data.path(), &schemathesis.to_string_lossy(), &line).args(more).env("PYTHONHASHSEED", "0"))?;
    yeyak.stop()
}

/// Makes an environment of Python's with what the requirements list, unless it stands there already.
fn install(root: &Path, target: &Path) -> Outcome<PathBuf> {
    let place = target.join("tools/schemathesis");
    let (program, stamp) = (place.join("bin/schemathesis"), place.join("requirements.txt"));
    let unreadable = |error| format!("{REQUIREMENTS} cannot be read: {error}");
    let wanted = std::fs::read_to_string(root.join(REQUIREMENTS)).map_err(unreadable)?;
    if program.exists() && std::fs::read_to_string(&stamp).is_ok_and(|stands| stands == wanted) {
        return Ok(program);
    }
    if !has_venv() {
        shell::run(&mut shell::command(root, "apt-get", &["install", "--yes", "--no-install-recommends", "python3-venv"]))
            .map_err(|why| format!("schemathesis needs an environment of Python's: {why}"))?;
    }
    let venv = place.to_string_lossy();
    shell::run(&mut shell::command(root, "python3", &["-m", "venv", "--clear", &venv]))?;
    let line = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
    shell::run(&mut shell::command(root, &place.join("bin/python").to_string_lossy(), &line))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))?;
    Ok(program)
}

fn has_venv() -> bool {
    let ask = Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    ask.is_ok_and(|status| status.success())
}

/// A process that serves. It ends with this.
struct Yeyak {
    child: Child,
    address: String,
    /// What it says after it is ready.
    said: Option<BufReader<std::process::ChildStderr>>,
}

impl Yeyak {
    fn start(root: &Path, binary: &Path, system: &str, data: &Path) -> Outcome<Self> {
        let (binary, data) = (binary.to_string_lossy(), data.to_string_lossy());
        let line = ["serve", system, "--samples", "--faults", "--listen", "127.0.0.1:0", "--clock", CLOCK, "--data", &data];
        let mut command = shell::command(root, &binary, &line);
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| format!("`{binary}` does not start: {error}"))?;
        let mut said = child.stderr.take().map(BufReader::new);
        let mut yeyak = Self { child, address: String::new(), said: None };
        let lines = said.as_mut().into_iter().flat_map(|said| said.lines()).map_while(Result::ok);
        let ready = lines.inspect(|line| eprintln!("{line}")).find_map(|line| Some(line.split_once("ready address=")?.1.trim().to_owned()));
        yeyak.address = ready.ok_or("yeyak did not become ready")?;
        yeyak.said = said;
        Ok(yeyak)
    }

    /// Sends a body, which has to be taken.
    fn post(&self, path: &str, body: &str) -> Outcome {
        let asked = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(&self.address)?;
            let length = body.len();
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
                self.address
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        match asked() {
            Ok(answer) if answer.starts_with("HTTP/1.1 201 ") => Ok(()),
            Ok(answer) => Err(format!("POST {path} was answered with {}", answer.lines().next().unwrap_or_default())),
            Err(error) => Err(format!("POST {path}: {error}")),
        }
    }

    /// Ends it, and looks whether it has told of any fault of its own meanwhile.
    fn stop(&mut self) -> Outcome {
        let _ = self.child.kill();
        let said: Vec<_> = self.said.take().into_iter().flat_map(|said| said.lines()).map_while(Result::ok).collect();
        let faults: Vec<_> = said.into_iter().filter(|line| line.contains(" ERROR ") || line.contains("panicked")).collect();
        if faults.is_empty() { Ok(()) } else { Err(format!("yeyak told of faults: {}", faults.join("\n"))) }
    }
}

impl Drop for Yeyak {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
