//! Processes of Yeyak.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

use super::{Api, SOON, Stopwatch, until};

/// The binary, with nothing in its environment that would tell it something but how much to log.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yeyak"));
    // Every process of these tests says all it can, and none of it may be about a person.
    command.env_clear().env("YEYAK_LOG_LEVEL", "debug").stdin(Stdio::null());
    command
}

/// A process that serves.
pub(crate) struct Yeyak {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    /// Its directory, if that is to go with it.
    data: Option<TempDir>,
    pub(crate) address: SocketAddr,
    /// How long it took from its start until it was ready.
    pub(crate) ready_after: Duration,
}

impl Yeyak {
    /// `yeyak demo` with these flags, at a port that is free.
    pub(crate) fn demo(flags: &[&str]) -> Self {
        Self::start(&[&["demo", "--listen", "127.0.0.1:0"], flags].concat())
    }

    /// `yeyak serve meetingroom` with these flags on this directory, at a port that is free. Of one system alone the paths are bare.
    pub(crate) fn serve(data: &Path, flags: &[&str]) -> Self {
        Self::start(&[&["serve", "meetingroom", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], flags].concat())
    }

    /// The same in a directory that goes with it.
    pub(crate) fn rooms(flags: &[&str]) -> Self {
        let data = TempDir::new().unwrap();
        let mut yeyak = Self::serve(data.path(), flags);
        yeyak.data = Some(data);
        yeyak
    }

    /// Waits until it is ready.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments).unwrap_or_else(|lines| panic!("{arguments:?} did not become ready: {lines:#?}"))
    }

    /// Waits until it is ready; what it says when it does not become so.
    pub(crate) fn try_start(arguments: &[&str]) -> Result<Self, Vec<String>> {
        Self::run(command().args(arguments))
    }

    /// Waits until it is ready; what it says when it does not become so.
    pub(crate) fn run(command: &mut Command) -> Result<Self, Vec<String>> {
        Self::run_with_stdout(command.stdout(Stdio::null()))
    }

    /// The same of one whose stdout goes somewhere.
    pub(crate) fn run_with_stdout(command: &mut Command) -> Result<Self, Vec<String>> {
        let watch = Stopwatch::start();
        let (mut yeyak, ready) = Self::spawn(command);
        match ready.recv_timeout(SOON) {
            Ok(address) => {
                (yeyak.address, yeyak.ready_after) = (address, watch.elapsed());
                Ok(yeyak)
            }
            Err(_) => {
                yeyak.kill();
                Err(yeyak.lines())
            }
        }
    }

    /// Waits for nothing: it may listen, some day.
    pub(crate) fn starting(arguments: &[&str]) -> Self {
        Self::spawn(command().args(arguments).stdout(Stdio::null())).0
    }

    fn spawn(command: &mut Command) -> (Self, mpsc::Receiver<SocketAddr>) {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (ready, heard) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let reader = {
            let lines = Arc::clone(&lines);
            Builder::new().spawn(move || {
                for line in stderr.lines().map_while(Result::ok) {
                    // The one line that tells where it listens: `… ready address=127.0.0.1:41234`.
                    let told = line.split_once("ready address=").or_else(|| line.split_once("\"ready\",\"address\":\""));
                    let told = told.map(|(_, address)| address.split('"').next().unwrap_or_default().trim());
                    if let Some(address) = told.and_then(|address| address.parse().ok()) {
                        let _ = ready.send(address);
                    }
                    lines.lock().unwrap().push(line);
                }
            })
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let reader = Some(reader.expect("a thread"));
        (Self { child, lines, reader, data: None, address, ready_after: Duration::ZERO }, heard)
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as an operator's tools do.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a `kill`").success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let status = until("the process ends", || self.child.try_wait().unwrap());
        self.hear_out();
        status
    }

    /// Asks it to end, and checks that it does so well.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.terminate();
        let status = self.ended();
        assert!(status.success(), "{status}: {:#?}", self.lines());
        self.assert_no_faults();
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.hear_out();
    }

    /// What it has said so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Nothing panicked, and nothing was logged as a fault of ours.
    #[track_caller]
    pub(crate) fn assert_no_faults(&self) {
        let lines = self.lines();
        let faults: Vec<_> = lines
            .iter()
            .filter(|line| line.contains(" ERROR ") || line.contains("\"level\":\"ERROR\"") || line.contains("panicked"))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    fn hear_out(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}

/// What bodies, rows and events call who somebody is, in whichever form they are shown.
const PERSONAL: [&str; 6] = ["userId", "user_id", "\"user\"", "customerId", "customer_id", "person:"];

impl Drop for Yeyak {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            let lines = self.lines();
            let personal: Vec<_> = lines.iter().filter(|line| PERSONAL.iter().any(|name| line.contains(name))).collect();
            assert!(personal.is_empty(), "these lines of the log are about a person: {personal:#?}");
        }
    }
}
