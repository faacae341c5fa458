//! A growth curve as SVG: sizes by powers of ten to the right, the measure upwards from zero. Colours are the page's; what is
//! said here besides is for readers that do not apply a page's style to pictures.

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 34.0;

/// From the axis to the first point, so that what is written at it does not run into the axis.
const INSET: f64 = 24.0;

/// About how many lines there are behind the curve.
const LINES: f64 = 4.0;

pub(super) fn svg(points: &[(f64, f64)], unit: &str) -> String {
    let (first, last) = ends(points);
    let top = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let step = round_step(top / LINES);
    let top = ((top / step).ceil() * step).max(step);
    let x = |size: f64| LEFT + INSET + (size.log10() - first) / (last - first) * (WIDTH - LEFT - INSET - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);

    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="11" fill="currentColor">"#);
    let mut value = 0.0;
    while value <= top * 1.001 {
        let at = y(value);
        svg.push_str(&format!(
            r#"<line class="grid" stroke="currentColor" stroke-opacity="0.5" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            short(value),
        ));
        value += step;
    }
    let mut power = first.ceil();
    while power <= last {
        let at = x(10_f64.powf(power));
        svg.push_str(&format!(
            r#"<text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">10<tspan dy="-5" font-size="9">{power:.0}</tspan></text>"#,
            HEIGHT - 12.0,
        ));
        power += 1.0;
    }
    let line: Vec<_> = points.iter().map(|(size, value)| format!("{:.1},{:.1}", x(*size), y(*value))).collect();
    svg.push_str(&format!(
        r#"<polyline class="curve" fill="none" stroke="currentColor" stroke-width="2.5" points="{}"/>"#,
        line.join(" ")
    ));
    for (size, value) in points {
        let (at, up) = (x(*size), y(*value));
        svg.push_str(&format!(
            r#"<circle class="point" cx="{at:.1}" cy="{up:.1}" r="4"><title>{} relationships: {} {unit}</title></circle><text class="value" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            short(*size),
            short(*value),
            (up - 9.0).max(11.0),
            short(*value),
        ));
    }
    svg.push_str("</svg>");
    svg
}

/// The powers of ten that the sizes lie between; never the same twice.
fn ends(points: &[(f64, f64)]) -> (f64, f64) {
    let powers = || points.iter().map(|(size, _)| size.log10());
    let (first, last) = (powers().fold(f64::MAX, f64::min), powers().fold(f64::MIN, f64::max));
    if last - first < 0.5 { (first - 0.5, last + 0.5) } else { (first, last) }
}

/// 1, 2 or 5 times a power of ten, at least so much.
fn round_step(least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= least * 0.999).unwrap_or(power)
}

/// A number in few characters: `423k`, `0.84`, `20.5`.
pub(super) fn short(value: f64) -> String {
    let (scaled, suffix) = match value.abs() {
        large if large >= 999_500.0 => (value / 1e6, "M"),
        large if large >= 9_999.5 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let places = match scaled.abs() {
        large if large >= 99.95 => 0,
        middle if middle >= 9.995 => 1,
        _ => 2,
    };
    let number = format!("{scaled:.places$}");
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.84, 20.5, 423_000.0, 1_500_000.0, 0.333_3, 999.6, 10_000_000.0].map(short);
        assert_eq!(shown, ["0", "0.84", "20.5", "423k", "1.5M", "0.33", "1000", "10M"]);
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0.0, 0.9, 1.0, 13.0, 260.0].map(round_step), [1.0, 1.0, 1.0, 20.0, 500.0]);
    }

    #[test]
    fn every_point_is_in_the_picture() {
        for points in [vec![(1e5, 3.0)], vec![(1e4, 0.0), (1e7, 0.0)], vec![(1e4, 1.0), (1e5, 5.0), (1e7, 3.0)]] {
            let drawn = svg(&points, "µs");
            assert_eq!(drawn.matches("<circle").count(), points.len());
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}
