//! Tables that spreadsheets open: cells, lines, and protection from formulas in foreign text.

use std::borrow::Cow;

use profile360_ingest::csv::marked;
use serde_json::Value;

/// Without it spreadsheets assume a legacy encoding.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A value as a cell, several with semicolons between them. Texts that contain a semicolon are a JSON list.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(text_of).collect();
            let is_ambiguous = |it: &String| it.contains(';') || it.starts_with('[') || it.trim() != it;
            if texts.iter().any(is_ambiguous) { value.to_string() } else { texts.join(";") }
        }
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    }
}

/// A row as a line of CSV, with an apostrophe in front of formulas.
///
/// # Errors
///
/// None in practice: it is written into memory.
pub fn line(cells: &[String]) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for cell in cells {
        writer.write_field(for_spreadsheet(cell).as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// A cell of a table, with an apostrophe in front of what a spreadsheet would run as a formula.
pub fn for_spreadsheet(cell: &str) -> Cow<'_, str> {
    marked(cell, is_number_like)
}

/// Phone numbers or amounts, separated by semicolons: a single leading sign computes nothing.
fn is_number_like(cell: &str) -> bool {
    cell.split(';').all(|number| {
        let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
        !digits.is_empty() && digits.chars().all(|it| it.is_ascii_digit() || it == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::for_spreadsheet;

    #[test]
    fn a_spreadsheet_runs_no_cell() {
        for harmless in [
            "",
            "a",
            "1",
            "-1",
            "-1.5",
            "+821012345678",
            "+821012345678;+82212345678",
            "홍길동",
            "a=1",
            "it's",
            " a",
            "1;2",
        ] {
            assert_eq!(for_spreadsheet(harmless), harmless);
        }
        for formula in [
            "=1+1",
            "=cmd|' /C calc'!A0",
            "@SUM(A1)",
            "+1+1",
            "-1-1",
            "-1+cmd",
            "+",
            "-",
            "=",
            "＝1+1",
            "＋1",
            "－1",
            "＠a",
            "−1",
            "\t=1",
            "\r=1",
            "\n=1",
            "\ntext",
            " =1+1",
            "\u{200b}=1",
            "\u{a0}@a",
            "+82;=1",
            "+82;",
            " +8210",
        ] {
            assert_eq!(for_spreadsheet(formula), format!("'{formula}"));
        }
    }
}
