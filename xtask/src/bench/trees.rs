//! How many B-trees a booking writes to: the file is copied before and after one, and compared tree by tree.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::Bench;
use super::load::Plan;
use super::pair::{One, SLOTS};
use super::server::{Server, Side};
use super::tools::Tools;
use crate::shell::{self, Outcome};

/// What a tree is called that lists the others; it changes with every transaction, whatever that writes.
const LIST: &str = "sqlite_schema";

pub(super) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, figures, .. } = bench;
    for side in [Side::Limit, Side::Yeyak] {
        let mut one = One::fresh(tools, side)?;
        one.server.add_rooms(1, SLOTS)?;
        let written = written(tools, &mut one)?;
        println!("   with all that follows, {} writes {}", side.name(), written.join(", "));
        figures.add("trees/all", "trees", side, written.len() as f64);
        // The other services alone write what follows; without them, what is left is the booking's own transaction.
        if side == Side::Yeyak {
            one.server.end();
            one.server = Server::start_with(tools, side, &one.data(), &["serve", "meetingroom/reserve"])?;
        }
        let written = self::written(tools, &mut one)?;
        println!("   by itself, {} writes {}", side.name(), written.join(", "));
        figures.add("trees/own", "trees", side, written.len() as f64);
    }
    Ok(())
}

/// The trees that one booking changes. The one before it makes what is made once.
fn written(tools: &Tools, one: &mut One) -> Outcome<Vec<String>> {
    let plan = Plan::ordinary(1);
    one.book(tools, &plan, 1)?;
    one.server.drained()?;
    let before = hashes(tools, one)?;
    one.book(tools, &plan, 1)?;
    one.server.drained()?;
    let after = hashes(tools, one)?;
    Ok(after.into_iter().filter(|(tree, hash)| tree != LIST && before.get(tree) != Some(hash)).map(|(tree, _)| tree).collect())
}

fn hashes(tools: &Tools, one: &One) -> Outcome<BTreeMap<String, String>> {
    let place = tempfile::tempdir().map_err(|error| format!("no place for a copy: {error}"))?;
    let name = if one.server.side == Side::Yeyak { "meetingroom.db" } else { "limit.sqlite" };
    let copy = |name: &str| copy(&one.data().join(name), &place.path().join(name));
    // Nobody writes now, so the two belong together.
    copy(name)?;
    copy(&format!("{name}-wal"))?;
    let said = shell::output(Command::new(&tools.trees).arg(place.path().join(name)))?;
    serde_json::from_str(&said).map_err(|error| format!("{error} in {said}"))
}

fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::copy(from, to).map(drop).map_err(|error| format!("{} cannot be copied: {error}", from.display()))
}
