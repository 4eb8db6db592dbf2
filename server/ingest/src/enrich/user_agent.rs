//! The browser, operating system and model of a user agent.
//!
//! The rules are those of the uap-core project (`user_agents.json`, its `regexes.yaml` as JSON, as in the crate
//! `ua-parser`), after a few of our own for Korean apps that it does not know.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use profile360_core::message::{device::DeviceField, parse::device::Description};
use ua_parser::{Extractor, Regexes, user_agent};

/// In the order in which they are tried.
const OWN_RULES: &str = r#"[
    {"regex": "(KAKAOTALK)[ /](\\d+)(?:\\.(\\d+)|)(?:\\.(\\d+)|)", "family_replacement": "KakaoTalk"},
    {"regex": "(NAVER)\\(inapp; [a-z]{1,20}; \\d{1,6}; (\\d+)(?:\\.(\\d+)|)(?:\\.(\\d+)|)"},
    {"regex": "(DaumApps)/(\\d+)(?:\\.(\\d+)|)(?:\\.(\\d+)|)", "family_replacement": "Daum"}
]"#;

static EXTRACTOR: LazyLock<Option<Extractor<'static>>> = LazyLock::new(|| {
    let extractor = extractor();
    if let Err(error) = &extractor {
        // A test parses the rules, so this fails in development only.
        tracing::error!(%error, "the rules for user agents cannot be read; no device is described by its user agent");
    }
    extractor.ok()
});

fn extractor() -> Result<Extractor<'static>, String> {
    let own: Vec<user_agent::Parser<'static>> = serde_json::from_str(OWN_RULES).map_err(|it| it.to_string())?;
    let mut rules: Regexes<'static> =
        serde_json::from_str(include_str!("user_agents.json")).map_err(|it| it.to_string())?;
    rules.user_agent_parsers.splice(0..0, own);
    Extractor::try_from(rules).map_err(|it| it.to_string())
}

/// Names of uap-core, and the usual ones; other browsers keep their name of uap-core.
const BROWSERS: [(&str, &str); 12] = [
    ("Chrome Mobile", "Chrome"),
    ("Chrome Mobile iOS", "Chrome"),
    ("Chrome Mobile WebView", "Android WebView"),
    ("Mobile Safari", "Safari"),
    ("Mobile Safari UI/WKWebView", "iOS WebView"),
    ("Edge Mobile", "Edge"),
    ("Firefox Mobile", "Firefox"),
    ("Firefox iOS", "Firefox"),
    ("Opera Mobile", "Opera"),
    ("Whale Mobile", "Whale"),
    ("DuckDuckGo Mobile", "DuckDuckGo"),
    ("IE", "Internet Explorer"),
];

/// Libraries that send requests for an app: the name before them is the app's, not a browser's.
const LIBRARIES: [&str; 3] = ["CFNetwork/", "Dalvik/", "okhttp/"];

/// Placeholders of uap-core for unknown makes and models.
const NO_MAKES: [&str; 2] = ["Generic", "Spider"];
const NO_MODELS: [&str; 3] = ["K", "Desktop", "iOS-Device"];

/// The fields of a user agent that agree with those of the message: a version is left out where the message names another browser or
/// operating system.
pub(super) fn describe(user_agent: &str, named: &BTreeMap<DeviceField, Arc<str>>) -> Description {
    let mut description = Description::new();
    let Some(extractor) = EXTRACTOR.as_ref() else { return description };
    let (browser, os, device) = extractor.extract(user_agent);
    let make = device.as_ref().and_then(|it| it.brand.as_deref()).unwrap_or_default();
    // Crawlers and libraries have no customer's operating system.
    let Some(os) = os.filter(|_| make != "Spider") else { return description };

    let model = device.as_ref().and_then(|it| it.model.as_deref()).unwrap_or_default();
    if !NO_MAKES.contains(&make) && !NO_MODELS.contains(&model) {
        description.insert(DeviceField::Model, model.to_owned());
    }
    let browser = browser.unwrap_or_default();
    let browser_version = version([browser.major, browser.minor, browser.patch, browser.patch_minor]);
    let family = browser.family.as_ref();
    let browser_name = BROWSERS.iter().find(|(it, _)| *it == family).map_or(family, |(_, name)| *name);
    if browser_name != "Android" && !LIBRARIES.iter().any(|it| user_agent.contains(it)) {
        let is_same = is_as_named(named, DeviceField::Browser, browser_name);
        description.insert(DeviceField::Browser, browser_name.to_owned());
        description.extend(browser_version.filter(|_| is_same).map(|it| (DeviceField::BrowserVersion, it)));
    }

    let os_parts = [os.major.as_deref(), os.minor.as_deref(), os.patch.as_deref(), os.patch_minor.as_deref()];
    let os_name = match os.os.as_ref() {
        "Mac OS X" => "macOS",
        "Chrome OS" => "ChromeOS",
        "iOS" if model.starts_with("iPad") => "iPadOS",
        other => other,
    };
    let safari = browser.major.filter(|_| browser_name == "Safari");
    let is_same = is_as_named(named, DeviceField::Os, os_name) && !is_frozen(os_name, os_parts, model, safari);
    description.insert(DeviceField::Os, os_name.to_owned());
    description.extend(version(os_parts).filter(|_| is_same).map(|it| (DeviceField::OsVersion, it)));
    description
}

fn is_as_named(named: &BTreeMap<DeviceField, Arc<str>>, field: DeviceField, found: &str) -> bool {
    named.get(&field).is_none_or(|it| it.eq_ignore_ascii_case(found))
}

fn version(parts: [Option<&str>; 4]) -> Option<String> {
    let parts: Vec<&str> = parts.into_iter().map_while(|part| part.filter(|text| !text.is_empty())).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

/// Whether browsers freeze that version: Windows NT 10.0 means 10 and 11, macOS stays at 10.15.7, Chromium sends `Android 10; K`, and
/// Safari 26 sends iOS 18.
fn is_frozen(os: &str, version: [Option<&str>; 4], model: &str, safari: Option<&str>) -> bool {
    match (os, version) {
        ("Windows", [Some("10"), ..]) | ("macOS", [Some("10"), Some("15"), ..]) => true,
        ("Android", [Some("10"), ..]) => model == "K",
        ("iOS" | "iPadOS", [Some(major), ..]) => safari.is_some_and(|it| it != major),
        _ => false,
    }
}
