//! Every command in README.md works, at any hour.
//!
//! Each `sh` block is taken from the page and run, line by line, against processes that the page itself starts. Three things are put in
//! place of others: the port, since tests run beside each other; the date that `date` tells, since the clock is set; and cargo, which
//! does not run within its own tests: of its commands it is checked that they exist, and `cargo xtask demo` starts the binary as it does.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Yeyak, command, until};

const README: &str = include_str!("../../../README.md");
const XTASK: &str = include_str!("../../../xtask/src/main.rs");
const ALIASES: &str = include_str!("../../../.cargo/config.toml");
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// Where the page says that Yeyak listens.
const ADDRESS: &str = "127.0.0.1:8088";

/// A command of the page.
#[derive(Debug)]
struct Step {
    text: String,
    /// The status that a comment above it tells, for one that is refused.
    status: Option<String>,
}

/// The commands in the page's blocks of this language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut status = None;
    for line in blocks("sh").concat().replace("\\\n", "").lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix('#') {
            Some(comment) => status = comment.split([' ', ',']).find(|word| word.parse::<u16>().is_ok()).map(str::to_owned),
            None => steps.push(Step { text: line.to_owned(), status: status.take() }),
        }
    }
    steps
}

/// Where commands are run: a directory with the page's configuration, a `date` that tells the day of the clock, and a `curl` that tells
/// the status.
struct Shell {
    directory: TempDir,
    /// The instant at which what is made by it begins, when that is not now.
    clock: Option<String>,
}

impl Shell {
    fn new(clock: Option<&str>, tomorrow: Option<&str>) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        // The page shows two, in this order.
        for (name, text) in ["yeyak.toml", "who.toml"].into_iter().zip(blocks("toml")) {
            fs::write(path.join(name), text).unwrap();
        }
        fs::create_dir_all(path.join("target/release")).unwrap();
        std::os::unix::fs::symlink(command().get_program(), path.join("target/release/yeyak")).unwrap();
        fs::write(path.join(".curlrc"), "silent\nshow-error\nwrite-out = \"\\n%{http_code}\"\n").unwrap();
        fs::create_dir(path.join("bin")).unwrap();
        if let Some(tomorrow) = tomorrow {
            let date = format!("#!/bin/sh\n[ \"$TZ $*\" = 'Asia/Seoul -d tomorrow +%F' ] && echo {tomorrow}\n");
            fs::write(path.join("bin/date"), date).unwrap();
            fs::set_permissions(path.join("bin/date"), Permissions::from_mode(0o755)).unwrap();
        }
        Self { directory, clock: clock.map(str::to_owned) }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What a line prints.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        let mut sh = std::process::Command::new("sh");
        sh.env_clear().env("PATH", format!("{}/bin:/usr/local/bin:/usr/bin:/bin", self.path().display())).env("CURL_HOME", self.path());
        sh.envs(self.clock.iter().map(|clock| ("YEYAK_CLOCK", clock)));
        let output = sh.current_dir(self.path()).args(["-ec", line]).stdin(Stdio::null()).output().unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success() && stderr.is_empty(), "{line}: {stdout}{stderr}");
        stdout
    }

    /// What is answered to a line with curl in it, which has to be of this status.
    #[track_caller]
    fn curl(&self, line: &str, status: &str) -> String {
        let printed = self.run(line);
        let (body, told) = printed.rsplit_once('\n').unwrap();
        assert_eq!(told, status, "{line}: {body}");
        body.to_owned()
    }
}

/// Whether everything that is shown is in the whole.
fn is_in(shown: &Value, whole: &Value) -> bool {
    match shown {
        Value::Object(fields) => fields.iter().all(|(name, shown)| whole.get(name).is_some_and(|whole| is_in(shown, whole))),
        other => other == whole,
    }
}

/// The status that goes with what a line asks for, if all is well.
fn usual_status(line: &str) -> &'static str {
    match line.split_once("-X ").map(|(_, rest)| rest.split(' ').next().unwrap()) {
        None => "200",
        Some("POST") => "201",
        Some("DELETE") => "204",
        Some(other) => panic!("{other} is not expected on this page"),
    }
}

/// Goes through the page from top to bottom, at this hour.
fn check(clock: Option<&str>, tomorrow: Option<&str>) {
    let shell = Shell::new(clock, tomorrow);
    let clock: Vec<&str> = clock.map(|clock| ["--clock", clock]).into_iter().flatten().collect();
    let mut yeyak: Option<Yeyak> = None;
    let mut booked = 0;
    for Step { text, status } in steps() {
        let words: Vec<_> = text.split(' ').collect();
        match words[..] {
            ["cargo", "xtask", "demo"] => yeyak = Some(Yeyak::demo(&clock)),
            ["cargo", "xtask", "test"] | ["cargo", "build", "--release"] => {}
            ["target/release/yeyak", "serve", ref flags @ ..] => {
                yeyak.take().expect("the demo came first").stop();
                let mut serve = command();
                serve.current_dir(shell.path()).arg("serve").args(flags).args(["--listen", "127.0.0.1:0"]).args(&clock);
                yeyak = Some(Yeyak::run(&mut serve).unwrap_or_else(|lines| panic!("{text}: {lines:#?}")));
            }
            ["target/release/yeyak", "token", ..] => _ = shell.run(&text),
            ["target/release/yeyak", ref arguments @ ..] => {
                let output = command().current_dir(shell.path()).args(arguments).output().unwrap();
                assert!(output.status.success(), "{text}: {output:?}");
            }
            ["curl", ..] => {
                let address = yeyak.as_ref().expect("something was started before").address.to_string();
                assert!(text.contains(ADDRESS), "{text} goes elsewhere");
                let answer = shell.curl(&text.replace(ADDRESS, &address), status.as_deref().unwrap_or(usual_status(&text)));
                if text.contains("/reserves -H") && status.is_none() {
                    booked += 1;
                    // The page shows the answer of the day for which these clocks are set.
                    let shown = serde_json::from_str(&blocks("json").concat()).unwrap();
                    assert!(
                        tomorrow.is_none() || is_in(&shown, &serde_json::from_str(&answer).unwrap()),
                        "{shown} is not what comes: {answer}"
                    );
                }
            }
            _ => panic!("{text}: nobody knows how to run this"),
        }
    }
    assert_eq!(booked, 1, "the first booking is the point of the page");
    assert!(shell.path().join("yeyak-data/yeyak.json").exists());
    yeyak.expect("it ends with one that serves").stop();
}

#[test]
fn every_command_works_at_any_hour() {
    for time in ["00:30", "07:30", "10:05", "13:59", "21:55", "23:59"] {
        check(Some(&format!("2026-11-23T{time}:00+09:00")), Some("2026-11-24"));
    }
}

#[test]
fn every_command_works_now() {
    check(None, None);
}

#[test]
fn cargos_commands_exist() {
    let cargo: Vec<_> = steps().into_iter().filter(|step| step.text.starts_with("cargo ")).map(|step| step.text).collect();
    assert_eq!(cargo, ["cargo xtask demo", "cargo build --release", "cargo xtask test"]);
    assert!(ALIASES.contains("xtask = \"run ") && ALIASES.contains("--package xtask --"), "{ALIASES}");
    let tasks = XTASK.split_once("enum Task {").unwrap().1.split_once("\n}").unwrap().0;
    for task in ["Demo {", "Test {"] {
        assert!(tasks.lines().any(|line| line.trim() == task), "{task} is no task: {tasks}");
    }
    assert!(WORKSPACE.contains("default-members = [\"yeyak\"]"), "`cargo build` leaves target/release/yeyak");
}

/// What `yeyak demo` says one should try.
#[test]
fn what_the_demo_says_works_too() {
    for time in ["00:30", "10:05", "23:59"] {
        let shell = Shell::new(None, Some("2026-11-24"));
        let said = shell.path().join("said");
        let clock = format!("2026-11-23T{time}:00+09:00");
        let mut demo = command();
        demo.args(["demo", "--listen", "127.0.0.1:0", "--clock", &clock]).stdout(File::create(&said).unwrap());
        let yeyak = Yeyak::run_with_stdout(&mut demo).unwrap();
        let text = until("it says what to try", || Some(fs::read_to_string(&said).unwrap()).filter(|text| text.contains("/myPages\n")));
        let text = text.replace("\\\n", "");
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
        assert_eq!(lines.len(), 5, "{text}");
        for line in lines {
            assert!(line.contains(&yeyak.address.to_string()), "{line}");
            shell.curl(line, usual_status(line));
        }
        yeyak.stop();
    }
}
