//! A map proposed for a table: what its columns are probably about, by their names and by what stands in them.

use std::{collections::BTreeMap, io::Read};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

/// What a column can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Time,
    Identifier(&'static str),
    Name,
    Gender,
    Birth,
    Membership,
    Consent(&'static str),
    /// A property of an order.
    Order(&'static str),
    /// A property of one of its items.
    Item(&'static str),
    Custom,
}

/// Words by which columns are known, without spaces and signs and in lower case.
const WORDS: [(About, &[&str]); 24] = [
    (
        About::Identifier("external_id"),
        &[
            "externalid",
            "customerid",
            "userid",
            "memberid",
            "memberno",
            "customerno",
            "회원번호",
            "고객번호",
            "회원id",
            "고객id",
        ],
    ),
    (
        About::Identifier("customer_card"),
        &["customercard", "cardno", "membershipcard", "loyaltycard", "카드번호", "멤버십카드", "멤버십번호"],
    ),
    (
        About::Identifier("phone"),
        &[
            "phone",
            "phoneno",
            "phonenumber",
            "mobile",
            "mobilephone",
            "tel",
            "휴대폰",
            "휴대폰번호",
            "휴대전화",
            "전화번호",
            "연락처",
            "핸드폰",
        ],
    ),
    (About::Identifier("email"), &["email", "emailaddress", "mail", "이메일", "메일", "이메일주소"]),
    (About::Identifier("kakao_id"), &["kakaoid", "kakaouserid", "카카오id", "카카오아이디"]),
    (About::Identifier("line_id"), &["lineid", "lineuserid", "라인id", "라인아이디"]),
    (About::Identifier("device_id"), &["deviceid", "anonymousid", "기기id", "디바이스id"]),
    (About::Name, &["name", "fullname", "customername", "이름", "성명", "고객명", "회원명"]),
    (About::Gender, &["gender", "sex", "성별"]),
    (About::Birth, &["birth", "birthday", "birthdate", "dateofbirth", "dob", "생년월일", "생일"]),
    (About::Membership, &["membership", "membershiplevel", "level", "grade", "tier", "등급", "회원등급", "멤버십"]),
    (About::Consent("df_push_optin"), &["pushoptin", "push", "푸시수신", "푸시수신동의", "앱푸시"]),
    (
        About::Consent("df_sms_ads_optin"),
        &["smsoptin", "sms", "smsads", "문자수신", "sms수신", "문자수신동의", "sms수신동의"],
    ),
    (
        About::Time,
        &[
            "timestamp",
            "datetime",
            "updatedat",
            "createdat",
            "orderedat",
            "orderdate",
            "date",
            "joinedat",
            "가입일",
            "가입일시",
            "등록일",
            "수정일",
            "주문일",
            "주문일시",
            "결제일시",
            "구매일",
            "구매일시",
        ],
    ),
    (About::Order("df_order_id"), &["orderid", "orderno", "ordernumber", "주문번호"]),
    (
        About::Order("df_total_purchase_amount"),
        &["total", "totalamount", "orderamount", "amountpaid", "결제금액", "총결제금액", "주문금액", "총금액"],
    ),
    (About::Order("df_payment_method"), &["paymentmethod", "payment", "결제수단", "결제방법"]),
    (About::Order("df_currency"), &["currency", "통화"]),
    (About::Item("df_item_id"), &["itemid", "productid", "sku", "상품코드", "상품번호", "상품id"]),
    (About::Item("df_item_name"), &["itemname", "productname", "product", "item", "상품명", "상품"]),
    (About::Item("df_price"), &["price", "unitprice", "단가", "가격", "판매가"]),
    (About::Item("df_quantity"), &["quantity", "qty", "수량"]),
    (About::Item("df_discount"), &["discount", "할인", "할인금액"]),
    (About::Item("df_category1"), &["category", "category1", "카테고리", "대분류", "분류"]),
];

const GENDERS: [(&str, &str); 12] = [
    ("남", "Male"),
    ("남자", "Male"),
    ("남성", "Male"),
    ("M", "Male"),
    ("m", "Male"),
    ("1", "Male"),
    ("여", "Female"),
    ("여자", "Female"),
    ("여성", "Female"),
    ("F", "Female"),
    ("f", "Female"),
    ("2", "Female"),
];

/// Rows that are looked at.
const SAMPLE: usize = 1_000;

/// A map (TOML) for a table, to be looked over by whoever knows it. `now` stands where the table has no times.
pub fn propose(table: impl Read, file: &str, now: DateTime<Utc>) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // So much holds a header and a sample of any table that is meant to be read.
    table.take(4 << 20).read_to_end(&mut bytes).with_context(|| format!("{file} cannot be read"))?;
    let first = bytes.split(|it| *it == b'\n').next().unwrap_or_default();
    let count = |sign: u8| first.iter().filter(|it| **it == sign).count();
    let delimiter = [b',', b';', b'\t', b'|'].into_iter().max_by_key(|it| (count(*it), *it == b',')).unwrap_or(b',');
    let mut rows =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).flexible(true).from_reader(&bytes[..]);
    let header = rows
        .headers()
        .with_context(|| format!("the first line of {file} is no header in this encoding; --encoding names another"))?
        .clone();
    let sample: Vec<csv::StringRecord> = rows.records().take(SAMPLE).filter_map(Result::ok).collect();
    let mut found: BTreeMap<About, Vec<String>> = BTreeMap::new();
    let mut words = Vec::new();
    for (n, column) in header.iter().enumerate() {
        let column = column.trim_start_matches('\u{feff}').trim();
        if column.is_empty() {
            continue;
        }
        let values: Vec<&str> = sample.iter().filter_map(|it| it.get(n)).filter(|it| !it.is_empty()).collect();
        let about = by_name(column).unwrap_or_else(|| by_values(&values));
        if about == About::Gender {
            words = GENDERS.iter().filter(|(it, _)| values.contains(it)).collect();
        }
        found.entry(about).or_default().push(column.to_owned());
    }
    if !found.keys().any(|it| matches!(it, About::Identifier(_))) {
        bail!(
            "no column of {file} looks like an identifier: an internal number, a phone number, an e-mail address, a card, a device"
        );
    }
    Ok(write(&found, &words, delimiter, file, now))
}

fn by_name(column: &str) -> Option<About> {
    let bare: String = column.to_lowercase().chars().filter(|it| it.is_alphanumeric()).collect();
    WORDS.iter().find(|(_, words)| words.contains(&bare.as_str())).map(|(about, _)| *about)
}

fn by_values(values: &[&str]) -> About {
    let most = |holds: fn(&str) -> bool| {
        !values.is_empty() && values.len() * 9 <= values.iter().filter(|it| holds(it)).count() * 10
    };
    let is_mail = |it: &str| {
        it.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.') && !it.contains(' '))
    };
    let is_mobile = |it: &str| {
        let digits: String = it.chars().filter(char::is_ascii_digit).collect();
        let is_written_so = it.chars().all(|it| it.is_ascii_digit() || matches!(it, '+' | '-' | ' '));
        is_written_so
            && (digits.starts_with("010") && digits.len() == 11 || digits.starts_with("8210") && digits.len() == 12)
    };
    if most(is_mail) {
        About::Identifier("email")
    } else if most(is_mobile) {
        About::Identifier("phone")
    } else {
        About::Custom
    }
}

fn write(
    found: &BTreeMap<About, Vec<String>>,
    genders: &[&(&str, &str)],
    delimiter: u8,
    file: &str,
    now: DateTime<Utc>,
) -> String {
    let quoted = |it: &str| toml::Value::from(it).to_string();
    let column = |about: About| found.get(&about).map(|it| quoted(&it[0]));
    let is_order = found.keys().any(|it| matches!(it, About::Order(_)));
    let mut text = format!(
        "# Proposed for {file}. Look it over, then: profile360 import FILE --format csv --map THIS\n\
         type = \"{}\"\nsource = \"csv\"\n",
        if is_order { "event" } else { "identify" }
    );
    if is_order {
        text.push_str("event = { value = \"df_purchase\" }\n");
    }
    match column(About::Time) {
        Some(column) => text.push_str(&format!("timestamp = {{ column = {column}, type = \"time\" }}\n")),
        None => text.push_str(&format!(
            "# The table says no time: this is when the proposal was made. Write when the table was.\ntimestamp = {{ value = \"{}\" }}\n",
            now.format("%Y-%m-%dT%H:%M:%SZ")
        )),
    }
    if delimiter != b',' {
        text.push_str(&format!("delimiter = {}\n", quoted(&char::from(delimiter).to_string())));
    }
    let has_items = is_order && found.keys().any(|it| matches!(it, About::Item(_)));
    if let Some(order) = column(About::Order("df_order_id")).filter(|_| has_items) {
        text.push_str(&format!("# Rows behind one another with the same order are one order.\ngroup = {order}\n"));
    }
    text.push_str("\n[identifiers]\n");
    for (about, columns) in found {
        if let About::Identifier(kind) = about {
            let columns: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
            let value = if let [one] = &columns[..] { one.clone() } else { format!("[{}]", columns.join(", ")) };
            text.push_str(&format!("{kind} = {value}\n"));
        }
    }
    let mut attributes = String::new();
    let mut properties = String::new();
    let mut items = String::new();
    for (about, columns) in found {
        let column = quoted(&columns[0]);
        match about {
            About::Time | About::Identifier(_) => {}
            About::Name => attributes.push_str(&format!("df_name = {column}\n")),
            About::Membership => attributes.push_str(&format!("df_membership = {column}\n")),
            About::Birth => attributes.push_str(&format!("df_birth = {{ column = {column}, type = \"date\" }}\n")),
            About::Gender => {
                let words: Vec<String> =
                    genders.iter().map(|(theirs, ours)| format!("{} = \"{ours}\"", quoted(theirs))).collect();
                attributes
                    .push_str(&format!("df_gender = {{ column = {column}, values = {{ {} }} }}\n", words.join(", ")));
            }
            About::Consent(name) => {
                attributes.push_str(&format!("{name} = {{ column = {column}, type = \"boolean\" }}\n"));
            }
            About::Order(name) => {
                let kind = if name.ends_with("amount") { ", type = \"number\"" } else { "" };
                properties.push_str(&format!("{name} = {{ column = {column}{kind} }}\n"));
            }
            About::Item(name) => {
                let is_number = matches!(*name, "df_price" | "df_quantity" | "df_discount");
                let kind = if is_number { ", type = \"number\"" } else { "" };
                items.push_str(&format!("{name} = {{ column = {column}{kind} }}\n"));
            }
            About::Custom => {
                for column in columns {
                    let column = quoted(column);
                    attributes.push_str(&format!("{column} = {column}\n"));
                }
            }
        }
    }
    // What is no order has no items: then these are attributes like others.
    let has_orders_items = has_items && !items.is_empty();
    for (name, part) in [("attributes", &attributes), ("properties", &properties)] {
        if !part.is_empty() {
            text.push_str(&format!("\n[{name}]\n{part}"));
        }
    }
    if has_orders_items {
        text.push_str(&format!("\n[items]\n{items}"));
    }
    text
}
