//! The page: one file, no scripts, readable in light and in dark.

use super::{
    chart::{short, svg},
    growth::{self, Curve},
};
use crate::bench::{
    measure::Figures,
    results::Results,
    targets::{self, Verdict},
};

const STYLE: &str = include_str!("page.css");

pub(super) fn html(runs: &[Results]) -> String {
    let version = runs.iter().find(|run| run.peer.is_none()).or_else(|| runs.first()).map_or("", |run| &run.version);
    let mut page = format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Prokura: benchmark</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header><h1>Prokura, measured</h1>
<p>Version {}. Every answer of every run was compared with a slow evaluator that knows nothing of the engine; a run with a wrong or a
stale answer is not shown. CPU time is that of the server (in process: of all threads), in microseconds an operation.</p></header>
"#,
        escaped(version)
    );
    page.push_str(&target_section(runs));
    page.push_str(&growth_section(&growth::curves(runs)));
    page.push_str(&peer_section(runs));
    for run in runs {
        page.push_str(&run_section(run));
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn target_section(runs: &[Results]) -> String {
    let growth = growth::verdicts(runs).into_iter().map(|verdict| ("W1".to_owned(), verdict));
    let own = runs.iter().flat_map(|run| {
        targets::verdicts(run)
            .into_iter()
            .map(move |verdict| (format!("{}, {}", run.workload.to_uppercase(), short(run.size as f64)), verdict))
    });
    let rows: Vec<_> = own.chain(growth).map(|(of, verdict)| target_row(&of, &verdict)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let met = rows.iter().filter(|row| row.contains("class=\"met\"")).count();
    format!(
        "<section><h2>Targets <small>{met} of {} met</small></h2>\n<div class=\"wide\"><table><thead><tr><th>run</th><th>measure</th>\
         <th class=\"n\">wanted</th><th class=\"n\">found</th><th></th></tr></thead><tbody>\n{}\n</tbody></table></div></section>\n",
        rows.len(),
        rows.join("\n")
    )
}

fn target_row(of: &str, verdict: &Verdict) -> String {
    let (class, word) = if verdict.met { ("met", "met") } else { ("missed", "missed") };
    format!(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><span class=\"{class}\">{word}</span></td></tr>",
        escaped(of),
        escaped(&verdict.name),
        escaped(&verdict.wanted),
        escaped(&verdict.found)
    )
}

fn growth_section(curves: &[Curve]) -> String {
    if curves.is_empty() {
        return String::new();
    }
    let charts = curves.iter().map(|Curve { title, unit, points }| {
        format!(
            "<figure><figcaption>{} <small>{}</small></figcaption>{}</figure>",
            escaped(title),
            escaped(unit),
            svg(points, unit)
        )
    });
    format!(
        "<section><h2>Growth <small>W1, by the number of relationships</small></h2>\n<div class=\"charts\">{}</div></section>\n",
        charts.collect::<Vec<_>>().join("\n")
    )
}

/// Ours beside each peer's, where the same was measured of both.
fn peer_section(runs: &[Results]) -> String {
    let mut rows = Vec::new();
    for peer in runs.iter().filter(|run| run.peer.is_some()) {
        let ours =
            runs.iter().find(|run| run.peer.is_none() && (&run.workload, run.size) == (&peer.workload, peer.size));
        let Some(ours) = ours else { continue };
        for theirs in &peer.figures {
            let same = |figures: &&Figures| (&figures.id, figures.in_flight) == (&theirs.id, theirs.in_flight);
            let Some(ours) = ours.figures.iter().find(same).filter(|_| !theirs.id.ends_with("baseline")) else {
                continue;
            };
            rows.push(format!(
                "<tr><td>{}, {}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
                 <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                peer.workload.to_uppercase(),
                short(peer.size as f64),
                escaped(&theirs.name),
                theirs.in_flight,
                escaped(peer.peer.as_deref().unwrap_or_default()),
                short(ours.per_second),
                short(theirs.per_second),
                short(ours.p50_us),
                short(theirs.p50_us),
                theirs.cpu_us.zip(ours.cpu_us).map_or_else(|| "–".to_owned(), |(theirs, ours)| format!("{} ×", short(theirs / ours))),
            ));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<section><h2>Beside others</h2>\n<div class=\"wide\"><table><thead><tr><th>run</th><th>measure</th><th class=\"n\">in flight</th><th>peer</th>\
         <th class=\"n\">ours a second</th><th class=\"n\">theirs</th><th class=\"n\">our p50, µs</th><th class=\"n\">theirs</th>\
         <th class=\"n\">their CPU / ours</th></tr></thead><tbody>\n{}\n</tbody></table></div></section>\n",
        rows.join("\n")
    )
}

fn run_section(run: &Results) -> String {
    let whose = run.peer.as_ref().map_or_else(String::new, |peer| format!(" at {}", escaped(peer)));
    let rows: Vec<_> = run.figures.iter().map(figure_row).collect();
    let ratios: Vec<_> =
        run.ratios.iter().map(|ratio| format!("<li><b>{:.2}</b> {}</li>", ratio.value, escaped(&ratio.name))).collect();
    let ratios =
        if ratios.is_empty() { String::new() } else { format!("<ul class=\"ratios\">{}</ul>", ratios.join("\n")) };
    let load = run.load.map_or_else(String::new, |load| {
        let mut text = format!(", loaded in {:.2} s ({} a second, durable)", load.seconds, short(load.per_second));
        if let Some(seconds) = load.restart_seconds {
            text.push_str(&format!(", started again in {seconds:.2} s"));
        }
        if let Some(bytes) = load.bytes_a_relationship {
            text.push_str(&format!(", {bytes:.0} bytes of memory each"));
        }
        text
    });
    format!(
        "<section><h2>{}{whose} <small>{}</small></h2>\n<p>{} relationships{load}; {} distinct questions, {} of them allowed; wrong answers: {}, stale: {}.</p>\n\
         <div class=\"wide\"><table><thead><tr><th>measure</th><th class=\"n\">in flight</th><th class=\"n\">operations</th><th class=\"n\">a second</th>\
         <th class=\"n\">CPU, µs</th><th class=\"n\">p50, µs</th><th class=\"n\">p99, µs</th></tr></thead><tbody>\n{}\n</tbody></table></div>{ratios}</section>\n",
        run.workload.to_uppercase(),
        short(run.size as f64),
        run.relationships,
        run.questions,
        run.allowed,
        run.wrong,
        run.stale,
        rows.join("\n"),
    )
}

fn figure_row(figures: &Figures) -> String {
    let per_call =
        if figures.per_call > 1 { format!(" <small>({} a call)</small>", figures.per_call) } else { String::new() };
    format!(
        "<tr><td>{}{per_call}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
         <td class=\"n\">{}</td></tr>",
        escaped(&figures.name),
        figures.in_flight,
        short(figures.operations as f64),
        short(figures.per_second),
        figures.cpu_us.map_or_else(|| "–".to_owned(), short),
        short(figures.p50_us),
        short(figures.p99_us)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::Sample;

    #[test]
    fn what_somebody_else_named_is_text_on_the_page() {
        let ours = Results {
            figures: vec![Figures::new("grpc_check", "checks", Sample::default())],
            ..Results::new("w1", 1_000)
        };
        let theirs = Results { peer: Some("http://<script>".to_owned()), ..ours.clone() };
        let page = html(&[ours, theirs]);
        assert!(page.contains("http://&lt;script&gt;") && !page.contains("<script"));
        assert!(page.contains("Beside others"));
    }
}
