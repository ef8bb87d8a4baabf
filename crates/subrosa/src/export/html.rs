//! Pages for a browser. A policy in each forbids scripts, frames, forms and whatever lies elsewhere; what people wrote is
//! escaped, and characters that would change the direction of what stands beside it are shown instead of obeyed.

use crate::row::{clock, said};
use crate::text::{harmless, harmless_lines};
use std::fmt::Write;
use subrosa_client::{ExportTalk, FileDigest, Row, RowKind};

const STYLE: &str = include_str!("style.css");
/// The end of each page.
pub const FOOT: &str = "</main>\n</body>\n</html>\n";

fn begin(title: &str, bar: &str) -> String {
    let mut digest = FileDigest::default();
    digest.update(STYLE.as_bytes());
    let title = escaped(&harmless(title));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>{bar}<h1><bdi>{title}</bdi></h1></header>\n<main>\n",
        digest.base64()
    )
}

/// The beginning of a conversation's page.
pub fn head(name: &str) -> String {
    begin(name, "<a href=\"index.html\">← all conversations</a>")
}

/// The page that leads to the others.
pub fn index(name: &str, talks: &[ExportTalk]) -> String {
    let mut page = begin(&format!("What {name} has"), "");
    page.push_str("<ul>\n");
    for talk in talks {
        let _ = writeln!(
            page,
            "<li><a href=\"{}\"><bdi>{}</bdi><span>{} rows</span></a></li>",
            address(&talk.path),
            escaped(&harmless(&talk.name)),
            talk.rows
        );
    }
    page.push_str("</ul>\n");
    page.push_str(FOOT);
    page
}

/// A row, under its day where that is another than the last row's.
pub fn row(row: &Row, day: Option<&str>) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    if let Some(day) = day {
        let _ = writeln!(out, "<h2>{}</h2>", escaped(day));
    }
    let time = clock(row.time_ms);
    if let RowKind::Info { text } = &row.what {
        let _ = writeln!(
            out,
            "<p class=\"note\">{time} <bdi>{}</bdi></p>",
            escaped(&harmless(text))
        );
        return out;
    }
    let class = if row.own { " class=\"own\"" } else { "" };
    let from = escaped(&harmless(&row.from));
    let edited = if row.beside.edited_ms.is_some() {
        "<span>edited</span>"
    } else {
        ""
    };
    let _ = write!(
        out,
        "<article{class}><div class=\"by\"><b><bdi>{from}</bdi></b><span>{time}</span>{edited}</div>"
    );
    if let Some(to) = &row.beside.reply_to {
        let excerpt = to.excerpt.as_deref().unwrap_or("…");
        let _ = write!(
            out,
            "<blockquote><bdi>{}</bdi>: <bdi>{}</bdi></blockquote>",
            escaped(&harmless(&to.from)),
            escaped(&harmless(excerpt))
        );
    }
    let _ = match &row.what {
        RowKind::Text { text } => write!(
            out,
            "<p class=\"text\" dir=\"auto\">{}</p>",
            escaped(&harmless_lines(text, ""))
        ),
        what => write!(out, "<p class=\"text gone\">{}</p>", escaped(&said(what))),
    };
    if !row.beside.reactions.is_empty() {
        out.push_str("<div class=\"beside\">");
        for one in &row.beside.reactions {
            let from: Vec<_> = one.from.iter().map(|name| harmless(name)).collect();
            let _ = write!(
                out,
                "<span>{} <bdi>{}</bdi></span>",
                escaped(&harmless(&one.emoji)),
                escaped(&from.join(", "))
            );
        }
        out.push_str("</div>");
    }
    out.push_str("</article>\n");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The name of a file as an address beside the page.
fn address(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_client::{ReactionView, ReplyView};

    fn hostile() -> Row {
        let bad = "<script>alert(1)</script>\"'&\u{202e}\u{0}</p><img src=x onerror=alert(1)>";
        let mut row: Row = serde_json::from_value(serde_json::json!({
            "cursor": 1, "id": "00", "conversation": "@bob", "conv": "11", "position": 1, "from": bad, "own": false,
            "time_ms": 1, "time_of_arrival": false, "state": null, "kind": "text", "text": bad,
        }))
        .unwrap();
        row.beside.reply_to = Some(ReplyView {
            id: "1".to_owned(),
            from: bad.to_owned(),
            excerpt: Some(bad.to_owned()),
        });
        row.beside.reactions = vec![ReactionView {
            emoji: bad.to_owned(),
            from: vec![bad.to_owned()],
            own: false,
        }];
        row
    }

    #[test]
    fn nothing_that_people_write_is_markup() {
        let shown = row(&hostile(), None) + &head("<script>") + &index("<img>", &[]);
        for part in ["<script", "<img", "\u{202e}", "\u{0}"] {
            assert!(!shown.contains(part), "{part}: {shown}");
        }
        assert!(shown.contains("&lt;script&gt;") && shown.contains("\\u{202e}"));
    }

    #[test]
    fn each_page_forbids_what_it_does_not_need() {
        let page = head("#ops");
        assert!(
            page.contains("default-src 'none'; style-src 'sha256-"),
            "{page}"
        );
        assert!(!page.contains("unsafe-inline") && !page.contains("<script"));
        assert_eq!(address("0001-日.html"), "0001-%E6%97%A5.html");
    }
}
