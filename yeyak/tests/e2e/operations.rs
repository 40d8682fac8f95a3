//! Every command in docs/OPERATIONS.md works, from top to bottom, and every metric on it is one that there is.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use tempfile::TempDir;

use crate::support::{Yeyak, command};

const PAGE: &str = include_str!("../../../docs/OPERATIONS.md");

/// Where the page says that Yeyak listens.
const ADDRESS: &str = "127.0.0.1:8088";

/// The lines of the page's commands.
fn commands() -> Vec<&'static str> {
    let blocks = PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

#[test]
fn every_command_works() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("bin")).unwrap();
    symlink(command().get_program(), directory.path().join("bin/yeyak")).unwrap();
    let mut running: Option<Yeyak> = None;
    for line in commands() {
        let words: Vec<_> = line.split(' ').collect();
        if let ["yeyak", "serve", flags @ ..] = &words[..] {
            let mut serve = command();
            serve.current_dir(directory.path()).arg("serve").args(flags);
            serve.args(["--listen", "127.0.0.1:0", "--faults", "--clock", "2026-11-23T10:05:00+09:00"]);
            running = Some(Yeyak::run(&mut serve).unwrap_or_else(|lines| panic!("{line}: {lines:#?}")));
            continue;
        }
        let mut sh = std::process::Command::new("sh");
        sh.env_clear().env("PATH", format!("{}/bin:/usr/local/bin:/usr/bin:/bin", directory.path().display()));
        let mut text = line.to_owned();
        if let Some(running) = &running {
            let address = running.address.to_string();
            sh.env("YEYAK_URL", format!("http://{address}"));
            text = text.replace(ADDRESS, &address).replace("curl ", "curl --silent --show-error --fail-with-body ");
        }
        let output = sh.current_dir(directory.path()).args(["-ec", &text]).stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{line}: {printed}{}", String::from_utf8_lossy(&output.stderr));
        if line == "yeyak events --correlation ticket-4711" {
            assert!(printed.contains("asked by POST /reserves"), "{printed}");
        }
    }
    running.expect("the page starts an installation").stop();
}

#[test]
fn the_page_has_every_metric_and_no_other() {
    let yeyak = Yeyak::demo(&["--faults"]);
    let api = yeyak.api();
    api.post("/actuator/faults", &serde_json::json!({"service": "meetingroom/room", "delayMs": 1})).expect(200);
    let shown = api.try_send("GET", "/actuator/prometheus", &[], b"").unwrap();
    let text = String::from_utf8(shown.body).unwrap();
    let there: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    let page: BTreeSet<_> =
        PAGE.split('`').skip(1).step_by(2).filter(|word| word.starts_with("yeyak_") || word.starts_with("process_")).collect();
    assert_eq!(page, there);
    yeyak.stop();
}
