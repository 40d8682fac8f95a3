//! Yeyak.
#![allow(dead_code, clippy::disallowed_methods)]
mod cli;
mod config;
mod data_dir;
mod error;
mod log;
use std::process::ExitCode;
use cli::*;
fn run() -> Result<ExitCode, error::Fatal> {
    const KNOWN: &[KnownSystem] = &[KnownSystem { name: "meetingroom", services: &["conference", "reserve", "room", "schedule", "maintenance"] }];
    let env = config::Environment::of_process();
    match Cli::read(std::env::args_os())?.command {
        Command::Print(t) => error::print(&t),
        Command::CheckConfig(c) => { let c = c.check(&env); error::print(&c.text); return Ok(ExitCode::from(u8::from(!c.ok))); }
        Command::Serve(s) => { let sel = s.selection(KNOWN, &env)?; let set = s.settings(&sel, &env)?; log::start(&set.log)?; tracing::info!(?set, "on");
          let config::Data::Directory(d) = &set.data else { unreachable!() };
          let mut d = data_dir::DataDir::open(d, jiff::Timestamp::now())?; if let Some(c) = set.clock { d.set_clock_offset_once(c, jiff::Timestamp::now())?; }
          tracing::info!(offset = d.clock_offset(), "open"); let mut s = String::new(); let _ = std::io::stdin().read_line(&mut s); }
        Command::Demo(d) => { let x = d.settings(&env)?; error::print(&format!("{x:?}")); }
        Command::Schemas => {}
    }
    Ok(ExitCode::SUCCESS)
}
fn main() -> ExitCode { run().unwrap_or_else(|f| f.report()) }
