//! What Prometheus reads: the text format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::{Counter, Histogram};

/// A metric as it is known: its name, by the conventions of Prometheus, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub help: &'static str,
}

/// What is shown at one moment. Each metric stands once, with all its samples, whoever adds them and in whichever order.
#[derive(Debug, Default)]
pub struct Exposition(BTreeMap<&'static str, Shown>);

#[derive(Debug)]
struct Shown {
    help: &'static str,
    kind: &'static str,
    samples: String,
}

/// Names and values by which samples of one metric are told apart.
type Labels<'a> = [(&'a str, &'a str)];

impl Exposition {
    /// The content type that goes with its text.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// What a counter has counted.
    pub fn counter(&mut self, metric: Metric, labels: &Labels<'_>, counter: &Counter) {
        self.count(metric, labels, counter.get());
    }

    /// Something that was counted elsewhere, and never goes down.
    pub fn count(&mut self, metric: Metric, labels: &Labels<'_>, count: u64) {
        self.sample(metric, "counter", "", labels, &count);
    }

    /// Something that goes up and down.
    pub fn gauge(&mut self, metric: Metric, labels: &Labels<'_>, value: f64) {
        self.sample(metric, "gauge", "", labels, &value);
    }

    /// What a histogram has seen.
    pub fn histogram(&mut self, metric: Metric, labels: &Labels<'_>, histogram: &Histogram) {
        let mut count = 0;
        for (bound, cumulative) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".into(), |bound| bound.to_string());
            self.sample(metric, "histogram", "_bucket", &[labels, &[("le", &bound)]].concat(), &cumulative);
            count = cumulative;
        }
        self.sample(metric, "histogram", "_sum", labels, &histogram.sum());
        self.sample(metric, "histogram", "_count", labels, &count);
    }

    fn sample(&mut self, metric: Metric, kind: &'static str, suffix: &str, labels: &Labels<'_>, value: &dyn fmt::Display) {
        let shown = self.0.entry(metric.name).or_insert_with(|| Shown { help: metric.help, kind, samples: String::new() });
        shown.samples.push_str(metric.name);
        shown.samples.push_str(suffix);
        for (at, (name, value)) in labels.iter().enumerate() {
            shown.samples.push_str(if at == 0 { "{" } else { "," });
            shown.samples.push_str(name);
            shown.samples.push_str("=\"");
            escape(value, &mut shown.samples);
            shown.samples.push('"');
        }
        // A string takes whatever is written to it.
        _ = writeln!(shown.samples, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

fn escape(value: &str, into: &mut String) {
    for letter in value.chars() {
        match letter {
            '\\' => into.push_str("\\\\"),
            '"' => into.push_str("\\\""),
            '\n' => into.push_str("\\n"),
            other => into.push(other),
        }
    }
}

impl fmt::Display for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, Shown { help, kind, samples }) in &self.0 {
            write!(f, "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Metric = Metric { name: "lag", help: "How far behind." };
    const SIZES: Metric = Metric { name: "batch_size", help: "How much at once." };

    #[test]
    fn each_metric_stands_once_with_all_its_samples() {
        let mut shown = Exposition::default();
        shown.gauge(LAG, &[("system", "a")], 1.5);
        shown.count(Metric { name: "all_total", help: "All." }, &[], 7);
        shown.gauge(LAG, &[("system", "b\"\\\n"), ("x", "")], 0.);
        assert_eq!(
            shown.to_string(),
            "# HELP all_total All.\n# TYPE all_total counter\nall_total 7\n\
             # HELP lag How far behind.\n# TYPE lag gauge\nlag{system=\"a\"} 1.5\nlag{system=\"b\\\"\\\\\\n\",x=\"\"} 0\n"
        );
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_with_all() {
        let sizes = Histogram::of_sizes();
        sizes.observe(2);
        sizes.observe(1000);
        let mut shown = Exposition::default();
        shown.histogram(SIZES, &[], &sizes);
        let text = shown.to_string();
        assert!(text.contains("batch_size_bucket{le=\"1\"} 0\nbatch_size_bucket{le=\"2\"} 1\n"), "{text}");
        assert!(text.ends_with("batch_size_bucket{le=\"+Inf\"} 2\nbatch_size_sum 1002\nbatch_size_count 2\n"), "{text}");
    }
}
