//! What a person sees of the bytes that a full-screen program writes: as much of a terminal as the
//! demonstration uses.

const ROWS: usize = 40;
const COLUMNS: usize = 120;

/// The screen after these bytes, line by line.
pub fn drawn(written: &str) -> String {
    let covered = written
        .rsplit_once("\u{1b}[?1049h")
        .map_or("", |(_, after)| after);
    let mut cells = vec![[' '; COLUMNS]; ROWS];
    let (mut row, mut column) = (0, 0);
    let mut rest = covered.chars();
    while let Some(c) = rest.next() {
        if c == '\u{7}' {
            continue;
        }
        if c != '\u{1b}' {
            if let Some(cell) = cells.get_mut(row).and_then(|line| line.get_mut(column)) {
                *cell = c;
            }
            column += 1;
            continue;
        }
        match rest.next() {
            Some('[') => {}
            // What is for the terminal itself, up to a bell.
            Some(']') => {
                rest.by_ref().take_while(|c| *c != '\u{7}').for_each(drop);
                continue;
            }
            _ => continue,
        }
        let parameters: String = rest
            .by_ref()
            .take_while(|c| !c.is_ascii_alphabetic())
            .collect();
        // The letter that ends a sequence is taken with it: of two numbers without mode, it moves the cursor.
        let numbers: Vec<usize> = parameters
            .split(';')
            .filter_map(|number| number.parse().ok())
            .collect();
        if let [to_row, to_column] = numbers[..]
            && to_row <= ROWS
            && written_move(covered, &rest)
        {
            (row, column) = (to_row - 1, to_column - 1);
        }
    }
    cells
        .iter()
        .map(|line| line.iter().collect::<String>() + "\n")
        .collect()
}

/// Whether the sequence that has just been taken ended with `H`.
fn written_move(covered: &str, rest: &std::str::Chars<'_>) -> bool {
    let taken = covered.len() - rest.as_str().len();
    covered.as_bytes()[taken - 1] == b'H'
}

#[test]
fn moves_are_obeyed_and_colours_ignored() {
    let screen = drawn("before\u{1b}[?1049h\u{1b}[2;3Hab\u{1b}[38;5mc\u{1b}[1;1Hx");
    let mut lines = screen.lines();
    assert_eq!(lines.next().unwrap().trim_end(), "x");
    assert_eq!(lines.next().unwrap().trim_end(), "  abc");
}
