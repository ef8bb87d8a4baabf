//! Objects, one a line: the same that `read --json` prints.

use subrosa_client::Row;

/// A row.
pub fn line(row: &Row) -> anyhow::Result<String> {
    Ok(serde_json::to_string(row)? + "\n")
}
