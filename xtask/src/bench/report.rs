//! The page of a run, with its tables and pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::aims::AIMS;
use super::figures::{Ratio, Rounds};
use super::pictures::PICTURES;
use crate::shell::Outcome;

/// What a run wrote.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Results {
    date: String,
    commit: Option<String>,
    command: String,
    machine: Value,
    rounds: usize,
    seconds_a_round: u64,
    sizes: [u64; 3],
    rooms: u64,
    short: bool,
    /// The part of the cores' time that the host withheld, from the first scenario to the last, and in each of them; older runs do not tell.
    withheld: Option<f64>,
    #[serde(default)]
    withheld_in: BTreeMap<String, Option<f64>>,
    figures: Vec<Figure>,
}

#[derive(Deserialize)]
pub(super) struct Figure {
    key: String,
    unit: String,
    pub(super) limit: Option<Rounds>,
    pub(super) yeyak: Option<Rounds>,
    pub(super) ratio: Option<Ratio>,
}

impl Results {
    /// Whether the other is a run of the same commit, all of which is known, in the same way and on the same machine.
    fn is_like(&self, other: &Self) -> bool {
        let is_known = self.commit.as_ref().is_some_and(|commit| !commit.contains(' '));
        let how = |one: &Self| (one.command.clone(), one.rounds, one.seconds_a_round, one.rooms, one.sizes, one.short);
        is_known && self.commit == other.commit && how(self) == how(other) && self.machine == other.machine
    }

    pub(super) fn figure(&self, key: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.key == key)
    }
}

/// A table: its title, how it was measured, the picture above it, and its figures by name.
struct Section {
    title: &'static str,
    how: &'static str,
    /// Whether the limit does the same.
    beside_limit: bool,
    picture: Option<&'static str>,
    rows: &'static [(&'static str, &'static str)],
}

const SECTIONS: &[Section] = &[
    Section {
        title: "Bookings as fast as they are answered",
        how: "Each connection sends a booking when it was answered the one before (wrk), each for a free slot of the next room. Both begin every load \
              empty. The limit copies its log into the file within a commit, which makes its p99 some times its p50: ratios of p99 are kinder to Yeyak than others. *Caught up* is the time from the end of the load until every consumer has handled all that was published. *One room* is the same \
              room all the time, ever further ahead.",
        beside_limit: true,
        picture: Some("bookings"),
        rows: &[
            ("post/1/rate", "1 connection"),
            ("post/1/p50", "– p50"),
            ("post/1/p99", "– p99"),
            ("post/1/drained", "– caught up"),
            ("post/32/rate", "32 connections"),
            ("post/32/p50", "– p50"),
            ("post/32/p99", "– p99"),
            ("post/32/drained", "– caught up"),
            ("post/64/rate", "64 connections"),
            ("post/64/p50", "– p50"),
            ("post/64/p99", "– p99"),
            ("post/64/drained", "– caught up"),
            ("post/256/rate", "256 connections"),
            ("post/256/p50", "– p50"),
            ("post/256/p99", "– p99"),
            ("post/256/drained", "– caught up"),
            ("hot/rate", "one room, 64 connections"),
            ("hot/p50", "– p50"),
            ("hot/p99", "– p99"),
            ("hot/drained", "– caught up"),
        ],
    },
    Section {
        title: "Bookings at fixed rates",
        how: "A quarter and half of what Yeyak answers over 64 connections, for both. Each booking is due at its instant, and its latency counts from there, \
              whether or not a connection was free to send it. *Seen elsewhere* is at half load the time from the answer to a booking until the schedule's row of \
              its room is read that is no older than the booking; it has in it a read and its way there and back. That was looked at in loads of its own.",
        beside_limit: true,
        picture: Some("latencies"),
        rows: &[
            ("quarter/rate", "answered, quarter load"),
            ("quarter/p50", "– p50"),
            ("quarter/p99", "– p99"),
            ("steady/rate", "answered, half load"),
            ("steady/p50", "– p50"),
            ("steady/p99", "– p99"),
            ("lag/p50", "seen elsewhere, p50"),
            ("lag/p99", "seen elsewhere, p99"),
        ],
    },
    Section {
        title: "Reads",
        how: "Of a store with a year of bookings, over 32 connections (wrk): any item, one of the first fifty pages of twenty, the last twenty of any person's, \
              and a page of twenty slots of one day in the middle of the year. The latencies of the last are at a fixed rate, half of what Yeyak answers.",
        beside_limit: true,
        picture: Some("reads"),
        rows: &[
            ("reads/item/rate", "an item"),
            ("reads/item/p50", "– p50"),
            ("reads/item/p99", "– p99"),
            ("reads/page/rate", "a page of 20"),
            ("reads/page/p50", "– p50"),
            ("reads/page/p99", "– p99"),
            ("reads/sorted/rate", "20 of one person's, sorted"),
            ("reads/sorted/p50", "– p50"),
            ("reads/sorted/p99", "– p99"),
            ("slots/rate", "20 slots of a day"),
            ("slots/p50", "– p50 at half load"),
            ("slots/p99", "– p99 at half load"),
        ],
    },
    Section {
        title: "As the store grows",
        how: "A few thousand bookings in each round, over 64 connections, once so many stand in the store. The small one is made anew for each round.",
        beside_limit: true,
        picture: Some("growth"),
        rows: &[("growth/small/rate", "small"), ("growth/middle/rate", "middle"), ("growth/full/rate", "full")],
    },
    Section {
        title: "Disk",
        how: "*Written* is what the system counts for the process during the load with 64 connections, the log and what is copied from it, and what consumers \
              write. *Kept* is the size of the files of a full store. B-trees are the tables and indexes that differ between two copies of the file, one before \
              a booking and one after it: by its own transaction, and with all that follows it in other services.",
        beside_limit: true,
        picture: None,
        rows: &[
            ("disk/written", "written for a booking"),
            ("disk/kept", "kept of a booking"),
            ("trees/own", "B-trees of its own transaction"),
            ("trees/all", "B-trees with all that follows"),
        ],
    },
    Section {
        title: "Start, memory, rebuild",
        how: "From the start of the process until readiness is answered with 200; full, it was killed before, just after more was booked. Memory is what is resident: *under load* the most \
              that there was while it took bookings over 256 connections. Rebuilt is the schedule's view that has a row for each booking.",
        beside_limit: true,
        picture: None,
        rows: &[
            ("start/empty", "ready, empty"),
            ("start/full", "ready, full"),
            ("memory/idle", "memory, idle and empty"),
            ("memory/load", "memory, under load"),
            ("memory/full", "memory, full and used"),
            ("memory/started-full", "memory, full, after a start"),
            ("rebuild/time", "a view rebuilt"),
            ("rebuild/rate", "– events"),
        ],
    },
    Section {
        title: "Restaurants: one act of several services",
        how: "The seed's load, 100 users who reserve two seats at venue 10 on one day (wrk), beside 100 users who reserve rooms as above; both with the same binary, in \
              turn, each round on an empty directory. To reserve a table the seats are held, the deposit is taken, which is an act of several steps of its own, and rating is made possible; a room is one \
              decision. *Left behind* is every row of reservation, deposit, the restaurant, recommendation and my page without the others, every saga that has not ended, and every payment of which the \
              provider keeps something else than is known. *Settled* is the time from the end of the load until nothing was under way.",
        beside_limit: false,
        picture: None,
        rows: &[
            ("seed/rate", "tables"),
            ("seed/p50", "– p50"),
            ("seed/p99", "– p99"),
            ("seed/plain/rate", "rooms"),
            ("seed/plain/p50", "– p50"),
            ("seed/plain/p99", "– p99"),
            ("seed/ratio/rate", "tables / rooms"),
            ("seed/ratio/p50", "– p50"),
            ("seed/ratio/p99", "– p99"),
            ("seed/settled", "settled"),
            ("seed/left", "left behind"),
        ],
    },
    Section {
        title: "Restaurants: while deposit is slow",
        how: "The same 100 users, at a venue whose seats are counted, while deposit takes 800 ms longer than it should: more than a call to it may take. The breaker is *open* from the first look at the metrics on that says that \
              it has opened, until the fault is ended; the pauses in which one request tries for all whether deposit is back are part of that, and so are those requests, which wait for it in vain. *At most* is one of \
              them. *Closed* is the time from the end of the fault until the metrics say that it is closed, under the same load. Left behind is what it is above, and every seat that is held for nobody.",
        beside_limit: false,
        picture: None,
        rows: &[
            ("slow/refused", "refused while it is slow"),
            ("slow/p50", "– p50"),
            ("slow/p99", "– p99"),
            ("slow/most", "– at most"),
            ("slow/open/rate", "answers while the breaker is open"),
            ("slow/open/p50", "– p50"),
            ("slow/open/p99", "– p99"),
            ("slow/open/most", "– at most"),
            ("slow/closed", "closed after"),
            ("slow/left", "left behind"),
        ],
    },
    Section {
        title: "Restaurants: a sitting that everybody wants",
        how: "10,000 guests, each another, ask for one seat of a sitting with 200, as fast as they are answered over 256 connections: 200 get one, all others are told that it is sold out, and which sittings are not.",
        beside_limit: false,
        picture: None,
        rows: &[
            ("sold-out/rate", "decided"),
            ("sold-out/p50", "– p50"),
            ("sold-out/p99", "– p99"),
            ("sold-out/sold", "sold"),
            ("sold-out/wrong", "too many or too few"),
            ("sold-out/left", "left behind"),
        ],
    },
    Section {
        title: "Restaurants: what is free",
        how: "The free sittings of any day of any venue for two, of 1,000 venues with reservations on each day of a year: of one day as fast as they are answered over 32 connections (wrk), and of all days at a fixed \
              rate, half of that.",
        beside_limit: false,
        picture: None,
        rows: &[
            ("availability/rate", "free sittings"),
            ("availability/steady", "at half load"),
            ("availability/p50", "– p50"),
            ("availability/p99", "– p99"),
        ],
    },
];

/// Writes the page of `file`, or of the latest results, and its pictures: into `docs`, or another folder.
///
/// # Errors
/// When there are no results, or they are not to be read.
pub(crate) fn write(root: &Path, file: Option<&Path>, into: Option<&Path>) -> Outcome {
    let file = file.map_or_else(|| latest(root), |file| Ok(file.into()))?;
    let results = read(&file)?;
    let others = others(&file, &results)?;
    let into = into.map_or_else(|| root.join("docs"), Into::into);
    let pictures = into.join("performance");
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", into.display());
    fs::create_dir_all(&pictures).map_err(failed)?;
    for picture in PICTURES {
        let place = pictures.join(format!("{}.svg", picture.name));
        match picture.draw(&results) {
            Some(svg) => fs::write(place, svg).map_err(failed)?,
            None => drop(fs::remove_file(place)),
        }
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    fs::write(into.join("PERFORMANCE.md"), page(&results, &others, &name)).map_err(failed)?;
    println!("{} is made of {}", into.join("PERFORMANCE.md").display(), file.display());
    Ok(())
}

fn read(file: &Path) -> Outcome<Results> {
    let text = fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn latest(root: &Path) -> Outcome<PathBuf> {
    all(&root.join("bench/results"))?.pop().ok_or_else(|| "there are no results yet: run `cargo xtask bench`".into())
}

/// The files of a folder that have results, in the order of the instants for which they are named.
fn all(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let files = fs::read_dir(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    let files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    Ok(files)
}

/// Other runs like this one that stand beside its file, of the same commit and on such a machine: how far whole runs differ.
fn others(file: &Path, results: &Results) -> Outcome<Vec<Results>> {
    // A bare name has an empty parent, which is no folder that can be read.
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let others = all(folder)?.into_iter().filter(|other| other.file_name() != file.file_name());
    // Whatever else lies there is nobody's results.
    Ok(others.filter_map(|other| read(&other).ok()).filter(|other| results.is_like(other)).collect())
}

fn page(results: &Results, others: &[Results], file: &str) -> String {
    let Results { date, command, machine, rounds, seconds_a_round, sizes: [small, middle, full], rooms, .. } = results;
    let told = |name: &str| match &machine[name] {
        Value::String(text) => text.clone(),
        Value::Null => "unknown".into(),
        other => other.to_string(),
    };
    let commit = results.commit.as_deref().unwrap_or("unknown");
    let mut lines = vec![
        "# Performance".to_owned(),
        String::new(),
        "How fast Yeyak is, beside the least that a durable booking can cost: a server written by hand for one table (`bench/limit`), which decides, writes and \
         syncs every booking before it answers, with the same bytes. How it is measured, and why so, stands in [decision 014](decisions/014-bench.md)."
            .into(),
        String::new(),
        format!("This page is made by `cargo xtask bench report` of `{file}`, which `{command}` measured on {date} at commit {commit}."),
        String::new(),
    ];
    if results.short {
        lines.extend(["**It was a short run, which shows that the bench works. Its figures say nothing.**".into(), String::new()]);
    }
    lines.extend([
        format!(
            "The machine: {}, {} cores, {} GB, {}, {}; the load came from the same cores. {rounds} rounds of {seconds_a_round} s, both in turn. A figure is the \
             median of the rounds, in brackets the smallest and the largest. {} rooms; *small* is a store with {} bookings, *middle* {}, *full* {}.",
            told("cpu"),
            told("cores"),
            told("memoryGB"),
            told("kernel"),
            told("filesystem"),
            number(*rooms as f64),
            number(*small as f64),
            number(*middle as f64),
            number(*full as f64),
        ),
        String::new(),
    ]);
    lines.extend(withheld(results).into_iter().flat_map(|line| [line, String::new()]));
    lines.extend([
        "## Aims".into(),
        String::new(),
        "| aim | wanted | measured | in other runs | reached |".into(),
        "|---|---|---|---|---|".into(),
    ]);
    lines.extend(AIMS.iter().map(|aim| aim.row(results, others)));
    lines.extend([
        String::new(),
        "*Reached* is said of this run and of those beside it. Why an aim is missed, what was tried for it and what it would take stands in [decision 025](decisions/025-what-keeps-it-from-the-limit.md).".into(),
    ]);
    for section in SECTIONS {
        let beside_limit = section.beside_limit;
        let rows: Vec<_> = section.rows.iter().filter_map(|(key, label)| Some(row(label, results.figure(key)?, beside_limit))).collect();
        if rows.is_empty() {
            continue;
        }
        lines.extend([String::new(), format!("## {}", section.title), String::new(), section.how.into(), String::new()]);
        let picture = PICTURES.iter().find(|picture| section.picture == Some(picture.name));
        if let Some(picture) = picture.filter(|picture| picture.draw(results).is_some()) {
            lines.extend([format!("![{}](performance/{}.svg)", picture.title, picture.name), String::new()]);
        }
        let head = if beside_limit { ["| | limit | Yeyak | Yeyak / limit |", "|---|---|---|---|"] } else { ["| | Yeyak |", "|---|---|"] };
        lines.extend(head.map(String::from));
        lines.extend(rows);
    }
    lines.join("\n") + "\n"
}

/// What the host kept for itself, if the run tells.
fn withheld(results: &Results) -> Option<String> {
    let percent = |part: f64| format!("{:.1}", part * 100.0);
    let each = results.withheld_in.iter().filter_map(|(name, part)| Some(format!("{name} {}", percent((*part)?))));
    Some(format!(
        "The host withheld {} % of the cores' time meanwhile (`steal` in `/proc/stat`). By scenario, some of which take a second: {}.",
        percent(results.withheld?),
        each.collect::<Vec<_>>().join(", ")
    ))
}

fn row(label: &str, figure: &Figure, beside_limit: bool) -> String {
    let unit = if figure.unit == "/s" { " /s".into() } else { format!(" {}", figure.unit) };
    let one = |rounds: &Option<Rounds>| match rounds {
        None => "–".to_owned(),
        Some(Rounds { median, min, max, rounds, .. }) if rounds.len() > 1 => {
            format!("{}{unit} ({}–{})", number(*median), number(*min), number(*max))
        }
        Some(rounds) => format!("{}{unit}", number(rounds.median)),
    };
    if !beside_limit {
        return format!("| {label} | {} |", one(&figure.yeyak));
    }
    let has_rounds = [&figure.limit, &figure.yeyak].into_iter().flatten().all(|side| side.rounds.len() > 1);
    let ratio = match &figure.ratio {
        None => "–".to_owned(),
        Some(Ratio { medians, min, max }) if has_rounds => format!("{} ({}–{})", number(*medians), number(*min), number(*max)),
        Some(ratio) => number(ratio.medians),
    };
    format!("| {label} | {} | {} | {ratio} |", one(&figure.limit), one(&figure.yeyak))
}

/// A number with as many digits as say something.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || (size.fract() == 0.0) => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && grouped != "-" {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &str = include_str!("fixture.json");

    fn made(results: &str) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("2026-11-21.json");
        fs::write(&file, results).unwrap();
        write(folder.path(), Some(&file), Some(folder.path())).unwrap();
        let mut pictures: Vec<_> = fs::read_dir(folder.path().join("performance"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        pictures.sort();
        (fs::read_to_string(folder.path().join("PERFORMANCE.md")).unwrap(), pictures)
    }

    #[test]
    fn a_page_has_the_aims_beside_what_was_measured() {
        let (page, pictures) = made(RESULTS);
        for line in [
            "| bookings, 64 connections | ≥ 0.60× | 0.50× (0.45–0.55) | – | **no** |",
            "| p50 of a booking, one connection | ≤ 1.30× | 1.25× (1.20–1.50) | – | yes |",
            "| p99 until another service shows a booking, half load, ms | ≤ 20 | – | – | not measured |",
            "| 64 connections | 40,000 /s (38,000–42,000) | 20,000 /s (18,000–21,000) | 0.50 (0.45–0.55) |",
            "| – p50 | 0.20 ms (0.19–0.21) | 0.25 ms (0.24–0.30) | 1.25 (1.20–1.50) |",
            "![Bookings a second, by connections](performance/bookings.svg)",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        assert!(!page.contains("## Reads"), "nothing was read");
        assert_eq!(pictures, ["bookings.svg"]);
    }

    #[test]
    fn other_runs_of_the_commit_stand_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("bench/results");
        fs::create_dir_all(&results).unwrap();
        let slower = RESULTS.replace("\"medians\": 0.5", "\"medians\": 0.4");
        let files = [
            ("2026-11-21T0900.json", &RESULTS.replace("000\",", "001\",")),
            ("2026-11-22.json", &slower),
            ("2026-11-22T0910.json", &slower.replace("0.4", "0.3").replace("\"medians\": 1.25", "\"medians\": 1.4")),
            ("2026-11-22T0915.json", &slower.replace("cargo xtask bench", "cargo xtask bench --only post")),
            ("2026-11-22T0920.json", &slower.replace("\"rounds\": 3", "\"rounds\": 1")),
            ("2026-11-22T0930.json", &"{}".to_owned()),
            ("2026-11-22T1000.json", &RESULTS.to_owned()),
        ];
        for (name, text) in files {
            fs::write(results.join(name), text).unwrap();
        }
        write(folder.path(), None, Some(folder.path())).unwrap();
        let page = fs::read_to_string(folder.path().join("PERFORMANCE.md")).unwrap();
        assert!(page.contains("of `2026-11-22T1000.json`"), "{page}");
        assert!(page.contains("| bookings, 64 connections | ≥ 0.60× | 0.50× (0.45–0.55) | 0.40×, 0.30× | **no** |"), "{page}");
        assert!(
            page.contains("| p50 of a booking, one connection | ≤ 1.30× | 1.25× (1.20–1.50) | 1.25×, 1.40× | **in 2 of 3** |"),
            "{page}"
        );
    }

    #[test]
    fn what_the_limit_does_not_do_has_no_column_for_it() {
        let (page, _) = made(&RESULTS.replace("post/1/p50", "seed/rate"));
        assert!(page.contains("## Restaurants: one act of several services"), "{page}");
        assert!(page.contains("\n| | Yeyak |\n|---|---|\n| tables | 0.25 ms (0.24–0.30) |\n"), "{page}");
    }

    #[test]
    fn what_the_host_withheld_is_said_of_runs_that_tell() {
        assert!(!made(RESULTS).0.contains("withheld"));
        let told = RESULTS.replace(
            "\"figures\"",
            "\"withheld\": 0.0592, \"withheldIn\": {\"post\": 0.04, \"slots\": 0.2304, \"trees\": null}, \"figures\"",
        );
        let page = made(&told).0;
        assert!(
            page.contains(
                "The host withheld 5.9 % of the cores' time meanwhile (`steal` in `/proc/stat`). By scenario, some of which take a second: post 4.0, slots 23.0."
            ),
            "{page}"
        );
    }

    #[test]
    fn a_short_run_says_so() {
        assert!(!made(RESULTS).0.contains("short run"));
        assert!(made(&RESULTS.replace("\"short\": false", "\"short\": true")).0.contains("short run"));
    }

    #[test]
    fn a_picture_is_as_high_as_its_figures() {
        let results: Results = serde_json::from_str(RESULTS).unwrap();
        let svg = PICTURES[0].draw(&results).unwrap();
        let heights: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<rect") && line.contains("width=\"46.96\"") | line.contains("width=\"47.0\""))
            .filter_map(|line| line.split("height=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        // The largest round, 42,000, would be 200 high.
        assert_eq!(heights, [190.5, 95.2], "{svg}");
    }

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        let check = |value: f64, text: &str| assert_eq!(number(value), text);
        check(1_234_567.8, "1,234,568");
        check(999.6, "1,000");
        check(123.4, "123");
        check(12.34, "12.3");
        check(1.234, "1.23");
        check(300.0, "300");
        check(0.0, "0");
        check(-1234.0, "-1,234");
    }
}
