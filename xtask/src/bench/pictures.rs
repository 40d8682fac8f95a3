//! Pictures: bars side by side, with a line from the smallest round to the largest.

use std::fmt::Write as _;

use super::figures::Rounds;
use super::report::{Results, number};

/// A picture, and what it shows.
pub(super) struct Picture {
    /// The name of its file, without what stands behind the point.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Figures and what stands below them.
    bars: &'static [(&'static str, &'static str)],
}

pub(super) const PICTURES: &[Picture] = &[
    Picture {
        name: "bookings",
        title: "Bookings a second, by connections",
        bars: &[
            ("post/1/rate", "1"),
            ("post/32/rate", "32"),
            ("post/64/rate", "64"),
            ("post/256/rate", "256"),
            ("hot/rate", "one room, 64"),
        ],
    },
    Picture {
        name: "latencies",
        title: "Milliseconds at a fixed rate",
        bars: &[
            ("steady/p50", "half load, p50"),
            ("steady/p99", "half load, p99"),
            ("slots/p50", "slots, p50"),
            ("slots/p99", "slots, p99"),
        ],
    },
    Picture {
        name: "reads",
        title: "Reads a second, of a store with a year of bookings",
        bars: &[
            ("reads/item/rate", "an item"),
            ("reads/page/rate", "a page"),
            ("reads/sorted/rate", "one person's, sorted"),
            ("slots/rate", "slots of a day"),
        ],
    },
    Picture {
        name: "growth",
        title: "Bookings a second, as the store grows",
        bars: &[("growth/small/rate", "small"), ("growth/middle/rate", "middle"), ("growth/full/rate", "full")],
    },
];

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
/// The lowest line, and the highest that a bar reaches.
const FLOOR: f64 = 270.0;
const CEILING: f64 = 70.0;
const SIDES: [(&str, &str); 2] = [("limit", "#9aa1ab"), ("Yeyak", "#2563ab")];

impl Picture {
    /// The picture as SVG; none where nothing of it was measured.
    pub(super) fn draw(&self, results: &Results) -> Option<String> {
        let of = |key: &str| {
            let figure = results.figure(key);
            [figure.and_then(|figure| figure.limit.as_ref()), figure.and_then(|figure| figure.yeyak.as_ref())]
        };
        let most = self.bars.iter().flat_map(|(key, _)| of(key)).flatten().map(|rounds| rounds.max).fold(0.0, f64::max);
        if most <= 0.0 {
            return None;
        }
        let mut svg = String::new();
        let height = |value: f64| (FLOOR - CEILING) * value / most;
        // Writing to a text does not fail.
        _ = writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">"#
        );
        _ = writeln!(svg, r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##);
        text(&mut svg, 20.0, 28.0, "start", &format!(r#" font-size="16" fill="{INK}""#), self.title);
        for (index, (name, colour)) in SIDES.iter().enumerate() {
            let left = 20.0 + 90.0 * index as f64;
            _ = writeln!(svg, r#"<rect x="{left}" y="38" width="12" height="12" fill="{colour}"/>"#);
            text(&mut svg, left + 18.0, 49.0, "start", INKED, name);
        }
        let group = (WIDTH - 40.0) / self.bars.len() as f64;
        let wide = (group * 0.36).min(60.0);
        for (index, (key, label)) in self.bars.iter().enumerate() {
            let middle = 20.0 + group * (index as f64 + 0.5);
            for ((rounds, (_, colour)), place) in of(key).into_iter().zip(SIDES).zip([-1.0, 0.0]) {
                if let Some(rounds) = rounds {
                    bar(&mut svg, middle + place * wide, wide - 2.0, rounds, colour, height);
                }
            }
            text(&mut svg, middle, FLOOR + 22.0, "middle", INKED, label);
        }
        _ = writeln!(svg, r#"<line x1="20" y1="{FLOOR}" x2="{}" y2="{FLOOR}" stroke="{INK}"/>"#, WIDTH - 20.0);
        svg.push_str("</svg>\n");
        Some(svg)
    }
}

const INK: &str = "#20242a";
const INKED: &str = r##" fill="#20242a""##;

/// A bar as high as the median, its number above it.
fn bar(svg: &mut String, left: f64, wide: f64, rounds: &Rounds, colour: &str, height: impl Fn(f64) -> f64) {
    let (top, middle) = (FLOOR - height(rounds.median), left + wide / 2.0);
    _ = writeln!(svg, r#"<rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{:.1}" fill="{colour}"/>"#, height(rounds.median));
    let (least, most) = (FLOOR - height(rounds.min), FLOOR - height(rounds.max));
    _ = writeln!(svg, r#"<line x1="{middle:.1}" y1="{least:.1}" x2="{middle:.1}" y2="{most:.1}" stroke="{INK}" stroke-width="1.5"/>"#);
    text(svg, middle, most - 5.0, "middle", r##" font-size="11" fill="#20242a""##, &number(rounds.median));
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, more: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{more}>{text}</text>"#);
}
