//! QR codes drawn with half blocks, two modules to a character.

use anyhow::Context;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a code: scanners need them.
const QUIET: usize = 4;
/// Black on white, whatever the terminal's own colours are: a code in reverse is not read by all scanners.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16m\u{1b}[48;5;231m";
const PLAIN: &str = "\u{1b}[0m";

/// The lines of a code in half blocks, ink being a light module.
pub fn modules(text: &str) -> anyhow::Result<Vec<String>> {
    draw(text, false)
}

/// The lines of a code. Without colours they are drawn for a dark background.
pub fn draw(text: &str, coloured: bool) -> anyhow::Result<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).context("a QR code")?;
    let width = code.width();
    let dark = |row: usize, column: usize| {
        let inside =
            (QUIET..QUIET + width).contains(&row) && (QUIET..QUIET + width).contains(&column);
        inside && code[(column - QUIET, row - QUIET)] == Color::Dark
    };
    let side = width + 2 * QUIET;
    let lines = (0..side).step_by(2).map(|row| {
        let glyphs: String = (0..side)
            .map(|column| {
                glyph(
                    dark(row, column),
                    row + 1 < side && dark(row + 1, column),
                    coloured,
                )
            })
            .collect();
        if coloured {
            format!("{BLACK_ON_WHITE}{glyphs}{PLAIN}")
        } else {
            glyphs
        }
    });
    Ok(lines.collect())
}

/// Two modules, one above the other. In colours ink is a dark module, without them a light one.
const fn glyph(upper: bool, lower: bool, coloured: bool) -> char {
    match (upper == coloured, lower == coloured) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_with_a_quiet_zone_and_in_both_looks_the_same() {
        let text = format!("SUBROSA:1:{}:{}", "A".repeat(64), "B".repeat(64));
        let plain = draw(&text, false).unwrap();
        let widths: Vec<_> = plain.iter().map(|line| line.chars().count()).collect();
        assert_eq!(widths, vec![49; 25], "41 modules and 4 on each side");
        assert!(plain[..2].iter().all(|line| line.chars().all(|c| c == '█')));
        let coloured = draw(&text, true).unwrap();
        for (plain, coloured) in plain.iter().zip(&coloured) {
            let inner = coloured
                .trim_start_matches(BLACK_ON_WHITE)
                .trim_end_matches(PLAIN);
            let turned: String = inner
                .chars()
                .map(|c| match c {
                    '█' => ' ',
                    ' ' => '█',
                    '▀' => '▄',
                    _ => '▀',
                })
                .collect();
            // Below the last line there is nothing to be light.
            if plain != plain.trim_end_matches('▀') {
                continue;
            }
            assert_eq!(*plain, turned);
        }
    }
}
