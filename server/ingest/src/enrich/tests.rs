use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use profile360_core::{message::device::DeviceField, time::Timestamp};

use super::{judge_time, user_agent};

/// `browser version | os version | model`, as far as the user agent has them; `named` are the fields of the message.
fn described(user_agent: &str, named: &[(DeviceField, &str)]) -> String {
    let named = named.iter().map(|(field, text)| (*field, Arc::from(*text))).collect::<BTreeMap<_, _>>();
    let description = user_agent::describe(user_agent, &named);
    let text = |fields: &[DeviceField]| -> String {
        let texts: Vec<&str> = fields.iter().filter_map(|it| description.get(it)).map(String::as_str).collect();
        texts.join(" ")
    };
    [
        text(&[DeviceField::Browser, DeviceField::BrowserVersion]),
        text(&[DeviceField::Os, DeviceField::OsVersion]),
        text(&[DeviceField::Model]),
    ]
    .join(" | ")
}

const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
const GALAXY: &str = "Mozilla/5.0 (Linux; Android 14; SM-S928N Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.122 Mobile Safari/537.36";
const REDUCED: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";

#[test]
fn a_user_agent_says_browser_system_and_model() {
    for (user_agent, expected) in [
        (format!("{WINDOWS} Chrome/131.0.0.0 Safari/537.36"), "Chrome 131.0.0.0 | Windows | "),
        (format!("{WINDOWS} Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"), "Edge 130.0.0.0 | Windows | "),
        (format!("{WINDOWS} Chrome/128.0.0.0 Whale/3.28.266.14 Safari/537.36"), "Whale 3.28.266 | Windows | "),
        ("Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36".into(), "Chrome 109.0.0.0 | Windows 7 | "),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko".into(), "Internet Explorer 11.0 | Windows | "),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15".into(), "Safari 17.6 | macOS | Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0".into(), "Firefox 132.0 | Linux | "),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36".into(), "Chrome 131.0.0.0 | ChromeOS 14541.0.0 | "),
        (format!("{REDUCED} Chrome/131.0.0.0 Mobile Safari/537.36"), "Chrome 131.0.0.0 | Android | "),
        (format!("{REDUCED} Chrome/126.0.0.0 Mobile Safari/537.36 EdgA/126.0.0.0"), "Edge 126.0.0.0 | Android | "),
        (format!("{REDUCED} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36"), "Samsung Internet 26.0 | Android | "),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36".into(), "Chrome 126.0.0.0 | Android 14 | Pixel 8"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0".into(), "Firefox 133.0 | Android 14 | "),
        (format!("{IPHONE} Version/17.6 Mobile/15E148 Safari/604.1"), "Safari 17.6 | iOS 17.6.1 | iPhone"),
        (format!("{IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1"), "Chrome 126.0.6478.54 | iOS 17.6.1 | iPhone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1".into(), "Safari 26.0 | iOS | iPhone"),
        ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1".into(), "Safari 17.5 | iPadOS 17.5 | iPad"),
        // Inside apps.
        (format!("{GALAXY};KAKAOTALK 2410850"), "KakaoTalk 2410850 | Android 14 | SM-S928N"),
        (format!("{IPHONE} Mobile/15E148 KAKAOTALK/10.8.5 (INAPP)"), "KakaoTalk 10.8.5 | iOS 17.6.1 | iPhone"),
        (format!("{GALAXY} NAVER(inapp; search; 1300; 12.7.1)"), "NAVER 12.7.1 | Android 14 | SM-S928N"),
        (format!("{IPHONE} Mobile/15E148 Safari Line/14.8.0"), "LINE 14.8.0 | iOS 17.6.1 | iPhone"),
        (format!("{IPHONE} Mobile/15E148 Instagram 334.0.4.32.98 (iPhone15,2; iOS 17_6_1; ko_KR; ko; scale=3.00; 1179x2556; 606917655)"), "Instagram 334.0.4 | iOS 17.6.1 | iPhone15,2"),
        (GALAXY.into(), "Android WebView 126.0.6478.122 | Android 14 | SM-S928N"),
        // An app's own requests, and programs that are not on a device.
        ("Dalvik/2.1.0 (Linux; U; Android 13; SM-S911N Build/TP1A.220624.014)".into(), " | Android 13 | SM-S911N"),
        ("MyShop/5.2.1 CFNetwork/1496.0.7 Darwin/23.5.0".into(), " | iOS | "),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".into(), " |  | "),
        ("okhttp/4.12.0".into(), " |  | "),
        ("curl/8.5.0".into(), " |  | "),
        ("nonsense \u{0} 가나다".into(), " |  | "),
        ("(".repeat(1024), " |  | "),
    ] {
        assert_eq!(described(&user_agent, &[]), expected, "{user_agent}");
    }
}

#[test]
fn a_version_belongs_to_the_name_that_the_message_gives() {
    let user_agent = format!("{IPHONE} Version/17.6 Mobile/15E148 Safari/604.1");
    assert_eq!(described(&user_agent, &[(DeviceField::Os, "Android")]), "Safari 17.6 | iOS | iPhone");
    assert_eq!(described(&user_agent, &[(DeviceField::Os, "ios")]), "Safari 17.6 | iOS 17.6.1 | iPhone");
    assert_eq!(described(&user_agent, &[(DeviceField::Browser, "Our app")]), "Safari | iOS 17.6.1 | iPhone");
}

#[test]
fn a_time_that_no_clock_can_have_shown_is_refused() {
    let received: DateTime<Utc> = "2026-03-15T10:00:00Z".parse().expect("it is a time");
    for (at, code) in [
        ("2026-03-15T10:00:00Z", None),
        ("2026-03-16T10:00:00Z", None),
        ("2026-03-16T10:00:00.000001Z", Some("TIMESTAMP_AHEAD")),
        ("2099-06-01T09:00:00Z", Some("TIMESTAMP_AHEAD")),
        ("1970-01-01T00:00:00Z", Some("TIMESTAMP_OUT_OF_RANGE")),
        // Seconds of 2024, read as milliseconds.
        ("1970-01-20T21:33:28.800Z", Some("TIMESTAMP_OUT_OF_RANGE")),
        ("1971-01-01T00:00:00Z", None),
    ] {
        let at_time = Timestamp::parse(at).expect("it is a time");
        let refused = judge_time(at_time, received).err();
        assert_eq!(refused.as_ref().map(|it| it.code.as_str()), code, "{at}");
        assert!(refused.is_none_or(|it| it.path == "timestamp"));
    }
}
