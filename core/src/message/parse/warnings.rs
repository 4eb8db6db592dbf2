//! Warnings that several parts of a message share.

use crate::{
    identifier::{blocked_value::names_nothing, text::clean},
    message::{
        limits::MAX_NAME_BYTES,
        refusal::{RefusalCode, Warning},
        spans::{Members, Raw},
        syntax::{Fields, MAX_DEPTH, Scalar, scalar_text},
    },
};

/// Of a field that is there twice the last counts, as with most readers of JSON.
pub(super) fn warn_of_repeated(object: Option<&Members<'_>>, path: &str, warnings: &mut Vec<Warning>) {
    if let Some(name) = object.and_then(|it| it.repeated()) {
        warnings.push(Warning {
            code: RefusalCode::DuplicateField.as_str(),
            path: format!("{path}.{}", name.chars().take(MAX_NAME_BYTES).collect::<String>()),
            detail: "the field is there twice; the last one counts".to_owned(),
        });
    }
}

/// Warns of an ID that is a placeholder, because [`Fields::optional_id`] leaves it out.
pub(super) fn warn_of_no_id(reader: &Fields<'_, '_>, name: &str, warnings: &mut Vec<Warning>) {
    let Some(Scalar::Text(text)) = reader.optional(name).map(scalar_text) else { return };
    let text = clean(&text);
    if let Some(reason) = names_nothing(&text).filter(|_| !text.is_empty()) {
        let detail = format!("{reason}; it was left out");
        warnings.push(Warning { code: "ID_BLOCKED", path: reader.path_to(name), detail });
    }
}

/// Says that properties nest deeper than can be shown.
pub(super) fn warn_of_depth(properties: Raw<'_>, path: &str, warnings: &mut Vec<Warning>) {
    if MAX_DEPTH < properties.depth() {
        warnings.push(Warning {
            code: "TOO_DEEP",
            path: path.chars().take(MAX_NAME_BYTES).collect(),
            detail: format!("it nests deeper than {MAX_DEPTH} levels and is not shown; the message keeps it"),
        });
    }
}
