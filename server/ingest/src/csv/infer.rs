//! Proposes a column mapping for a table, by the names of its columns and by their values.

use std::{
    collections::BTreeMap,
    io::{BufRead, Read},
};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    about::About,
    apostrophe::unmarked,
    cell::{self, Decimal},
    delimiter::Head,
    names,
    shops::{Shop, bare, shop_of},
};

/// Names of columns, in lower case and without spaces and punctuation.
const WORDS: [(About, &[&str]); 27] = [
    (About::First, &["firstname", "givenname", "forename", "이름명", "名"]),
    (About::Last, &["lastname", "familyname", "surname", "성", "姓"]),
    (
        About::Item("df_line_amount"),
        &["linetotal", "lineamount", "itemtotal", "rowtotal", "상품별총주문금액", "상품구매금액", "품목금액"],
    ),
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
            "회원아이디",
            "아이디",
            "고객아이디",
            "회원코드",
            "고객코드",
            "membernumber",
            "customernumber",
            "clientid",
            "会員id",
            "会員番号",
            "顧客番号",
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
            "cellphone",
            "cell",
            "mobileno",
            "mobilenumber",
            "contactnumber",
            "billingphone",
            "customerphone",
            "휴대폰no",
            "휴대전화번호",
            "모바일",
            "연락처1",
            "주문자휴대전화",
            "주문자연락처",
            "구매자연락처",
            "電話番号",
            "携帯電話",
        ],
    ),
    (
        About::Identifier("email"),
        &[
            "email",
            "emailaddress",
            "mail",
            "이메일",
            "메일",
            "이메일주소",
            "customeremail",
            "billingemail",
            "useremail",
            "주문자이메일",
            "구매자이메일",
            "メールアドレス",
        ],
    ),
    (About::Identifier("kakao_id"), &["kakaoid", "kakaouserid", "카카오id", "카카오아이디"]),
    (About::Identifier("line_id"), &["lineid", "lineuserid", "라인id", "라인아이디"]),
    (About::Identifier("device_id"), &["deviceid", "anonymousid", "기기id", "디바이스id"]),
    (
        About::Name,
        &[
            "name",
            "fullname",
            "customername",
            "이름",
            "성명",
            "고객명",
            "회원명",
            "displayname",
            "주문자명",
            "구매자명",
            "주문자",
            "구매자",
            "氏名",
            "お名前",
        ],
    ),
    (About::Gender, &["gender", "sex", "성별", "性別"]),
    (
        About::Birth,
        &[
            "birth",
            "birthday",
            "birthdate",
            "dateofbirth",
            "dob",
            "생년월일",
            "생일",
            "생년월일양력",
            "생년월일8자리",
            "生年月日",
            "誕生日",
        ],
    ),
    (
        About::Membership,
        &[
            "membership",
            "membershiplevel",
            "level",
            "grade",
            "tier",
            "등급",
            "회원등급",
            "멤버십",
            "회원구분",
            "membershiptier",
        ],
    ),
    (
        About::Consent("df_push_optin"),
        &["pushoptin", "push", "푸시수신", "푸시수신동의", "앱푸시", "푸시수신여부", "push수신동의"],
    ),
    (
        About::Consent("df_sms_ads_optin"),
        &[
            "smsoptin",
            "sms",
            "smsads",
            "문자수신",
            "sms수신",
            "문자수신동의",
            "sms수신동의",
            "sms수신여부",
            "문자수신여부",
            "acceptssmsmarketing",
        ],
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
            "createdon",
            "updatedon",
            "registeredat",
            "registered",
            "dateregistered",
            "registrationdate",
            "signup",
            "signupdate",
            "signedupat",
            "joindate",
            "joined",
            "membersince",
            "customersince",
            "ordertime",
            "orderdatetime",
            "purchasedate",
            "purchasedat",
            "paidat",
            "paymentdate",
            "회원가입일",
            "가입일자",
            "가입일시",
            "등록일시",
            "등록일자",
            "주문일자",
            "주문시각",
            "결제일",
            "구매일자",
            "최종수정일",
            "受注日",
            "注文日",
            "登録日",
        ],
    ),
    (
        About::Order("df_order_id"),
        &[
            "orderid",
            "orderno",
            "ordernumber",
            "주문번호",
            "ordernum",
            "purchaseid",
            "주문id",
            "오더번호",
            "注文番号",
            "注文id",
        ],
    ),
    (
        About::Order("df_total_purchase_amount"),
        &[
            "total",
            "totalamount",
            "orderamount",
            "amountpaid",
            "결제금액",
            "총결제금액",
            "주문금액",
            "총금액",
            "ordertotal",
            "ordertotalamount",
            "grandtotal",
            "totalprice",
            "totalpaid",
            "totalamountpaid",
            "amount",
            "paidamount",
            "paymentamount",
            "purchaseamount",
            "ordervalue",
            "revenue",
            "ordersum",
            "결제액",
            "실결제금액",
            "총실결제금액",
            "주문총액",
            "총액",
            "합계",
            "합계금액",
            "구매금액",
            "구매총액",
            "판매금액",
            "支払合計",
            "合計金額",
        ],
    ),
    (
        About::Order("df_payment_method"),
        &[
            "paymentmethod",
            "payment",
            "결제수단",
            "결제방법",
            "paymentmethodtitle",
            "paymenttype",
            "결제방식",
            "支払方法",
        ],
    ),
    (
        About::Order("df_currency"),
        &["currency", "통화", "currencycode", "ordercurrency", "화폐", "화폐단위", "통화코드"],
    ),
    (
        About::Item("df_item_id"),
        &[
            "itemid",
            "productid",
            "sku",
            "상품코드",
            "상품번호",
            "상품id",
            "itemsku",
            "productsku",
            "productcode",
            "itemcode",
            "lineitemsku",
            "품목코드",
            "商品コード",
        ],
    ),
    (
        About::Item("df_item_name"),
        &[
            "itemname",
            "productname",
            "product",
            "item",
            "상품명",
            "상품",
            "lineitemname",
            "producttitle",
            "itemtitle",
            "품목명",
            "상품이름",
            "주문상품명",
            "제품명",
            "商品名",
        ],
    ),
    (
        About::Item("df_price"),
        &[
            "price",
            "unitprice",
            "단가",
            "가격",
            "판매가",
            "itemprice",
            "productprice",
            "lineitemprice",
            "unitcost",
            "salesprice",
            "판매단가",
            "상품가격",
            "상품금액",
            "상품단가",
            "価格",
            "単価",
        ],
    ),
    (
        About::Item("df_quantity"),
        &[
            "quantity",
            "qty",
            "수량",
            "itemqty",
            "itemquantity",
            "productquantity",
            "lineitemquantity",
            "orderqty",
            "주문수량",
            "구매수량",
            "갯수",
            "개수",
            "数量",
            "個数",
        ],
    ),
    (
        About::Item("df_discount"),
        &[
            "discount",
            "할인",
            "할인금액",
            "lineitemdiscount",
            "itemdiscount",
            "discountamount",
            "상품할인",
            "상품할인금액",
            "할인액",
        ],
    ),
    (
        About::Item("df_category1"),
        &[
            "category",
            "category1",
            "카테고리",
            "대분류",
            "분류",
            "productcategory",
            "itemcategory",
            "상품분류",
            "상품카테고리",
            "카테고리명",
        ],
    ),
];

const GENDERS: [(&str, &[&str]); 4] = [
    ("Male", &["남", "남자", "남성", "m", "male", "man", "1", "男", "男性", "herr", "mr"]),
    ("Female", &["여", "여자", "여성", "f", "female", "woman", "w", "2", "女", "女性", "frau", "ms", "mrs"]),
    ("NonBinary", &["nonbinary", "non_binary", "non-binary", "non binary"]),
    ("Other", &["other", "others", "기타", "その他"]),
];

/// Notations of currencies, and their codes. A dollar sign alone is ambiguous.
const CURRENCIES: [(&str, &str); 9] = [
    ("원", "KRW"),
    ("₩", "KRW"),
    ("￦", "KRW"),
    ("US$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("円", "JPY"),
    ("엔", "JPY"),
    ("달러", "USD"),
];

/// Formats of dates, and of times after them, that the parser does not accept without a format.
const DATES: [&str; 11] = [
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%y-%m-%d", "%y.%m.%d", "%y/%m/%d", "%d.%m.%y",
    "%d/%m/%y", "%m/%d/%y",
];
const TIMES: [&str; 5] = ["", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p"];

/// The sample of rows.
const SAMPLE: usize = 1_000;
/// The most lines before the header of a shop's export.
const MAX_LINES_BEFORE: usize = 5;

/// A column of the table.
struct Column {
    name: String,
    about: About,
    /// Its values that are not empty.
    values: Vec<String>,
}

/// An analyzed table.
struct Looked {
    columns: Vec<Column>,
    delimiter: u8,
    n_before: usize,
    shop: Option<&'static Shop>,
}

/// A column mapping (TOML) for a table, which the operator should check. `now` is the time where the table has none.
pub fn infer(table: impl Read, file: &str, now: DateTime<Utc>) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // Enough for the header and the sample.
    table.take(4 << 20).read_to_end(&mut bytes).with_context(|| format!("{file} cannot be read"))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        bail!("{file} is empty: the first line of a table has the names of the columns");
    }
    let mut looked = look(&bytes, file)?;
    if is_own_export(&looked.columns) {
        return Ok(write_own(&looked, file));
    }
    choose(&mut looked);
    if !looked.columns.iter().any(|it| matches!(it.about, About::Identifier(_))) {
        bail!(
            "no column of {file} looks like an identifier: an internal number, a phone number, an email address, a card, a device"
        );
    }
    Ok(write(&looked, file, now))
}

fn look(bytes: &[u8], file: &str) -> anyhow::Result<Looked> {
    let no_header =
        || format!("the first line of {file} is not a header in this encoding; name another with --encoding");
    let header_at = |n_before: usize| -> anyhow::Result<(Vec<String>, u8, Vec<u8>)> {
        let mut rest = bytes;
        let head = Head::read(&mut rest, n_before)?;
        let delimiter = head.named.unwrap_or_else(|| head.shown());
        let text = [&head.line, rest].concat();
        let mut rows = reader(&text, delimiter);
        let names = names(rows.headers().with_context(no_header)?);
        Ok((names, delimiter, text))
    };
    let n_lines = bytes.lines().take(MAX_LINES_BEFORE + 1).count();
    let of_shop = (0..n_lines).find_map(|n_before| {
        let (names, ..) = header_at(n_before).ok()?;
        Some((n_before, shop_of(&names)?))
    });
    let n_before = of_shop.map_or(0, |(n_before, _)| n_before);
    let shop = of_shop.map(|(_, shop)| shop);
    let (names, delimiter, text) = header_at(n_before)?;
    let sample: Vec<csv::StringRecord> =
        reader(&text, delimiter).records().take(SAMPLE).filter_map(Result::ok).collect();
    let values = |n: usize| -> Vec<String> {
        let cells = sample.iter().filter_map(|row| row.get(n)).map(|cell| unmarked(cell).trim());
        cells.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let abouts = shop.map(|shop| shop.abouts(&names));
    let columns = names.into_iter().enumerate().map(|(n, name)| {
        let values = values(n);
        let about = match &abouts {
            Some(abouts) => abouts[n],
            None => by_name(&name).unwrap_or_else(|| by_values(&values)),
        };
        Column { name, about, values }
    });
    Ok(Looked { columns: columns.collect(), delimiter, n_before, shop })
}

fn reader(text: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).flexible(true).from_reader(text)
}

/// Keeps one of several columns with the same meaning; without an order the rest describes the customer.
fn choose(looked: &mut Looked) {
    let has = |looked: &Looked, about: About| looked.columns.iter().any(|it| it.about == about);
    let is_order = is_order(looked);
    if !is_order && !has(looked, About::Identifier("external_id")) && looked.shop.is_none() {
        let id = looked.columns.iter_mut().find(|it| ["id", "uid", "no", "번호"].contains(&&*bare(&it.name)));
        if let Some(id) = id.filter(|it| it.about == About::Custom) {
            id.about = About::Identifier("external_id");
        }
    }
    let has_whole_name = has(looked, About::Name);
    let has_both = has(looked, About::First) && has(looked, About::Last);
    let mut seen = Vec::new();
    for column in &mut looked.columns {
        let is_more = seen.contains(&column.about);
        seen.push(column.about);
        column.about = match column.about {
            // A single part of a name is the name.
            About::First | About::Last if has_whole_name || is_more => About::Custom,
            About::First | About::Last if !has_both => About::Name,
            About::Order(_) | About::Item(_) if !is_order => About::Custom,
            about @ (About::Identifier(_) | About::Custom) => about,
            _ if is_more => About::Nowhere,
            about => about,
        };
    }
}

fn is_order(looked: &Looked) -> bool {
    let shows = |it: &Column| matches!(it.about, About::Order("df_order_id" | "df_total_purchase_amount"));
    looked.columns.iter().any(shows)
}

fn by_name(column: &str) -> Option<About> {
    let bare = bare(column);
    WORDS.iter().find(|(_, words)| words.contains(&bare.as_str())).map(|(about, _)| *about)
}

fn by_values(values: &[String]) -> About {
    let most = |holds: fn(&str) -> bool| {
        !values.is_empty() && values.len() * 9 <= values.iter().filter(|value| holds(value)).count() * 10
    };
    let is_mail = |text: &str| {
        text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !text.contains(' '))
    };
    let is_mobile = |text: &str| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_phone = text.chars().all(|char| char.is_ascii_digit() || matches!(char, '+' | '-' | ' '));
        is_phone
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

/// Whether the table is what `profile360 export` writes.
fn is_own_export(columns: &[Column]) -> bool {
    ["unified_id", "first_access_at", "last_updated_at", "attributes"]
        .iter()
        .all(|name| columns.iter().any(|it| it.name == *name))
}

fn write_own(looked: &Looked, file: &str) -> String {
    let mut text = format!(
        "# Proposed for {file}, an export of this program: identifiers and attributes. Purchases and events are not in it.\n\
         type = \"identify\"\nsource = \"export\"\ntimestamp = {{ column = \"last_updated_at\", type = \"time\" }}\n\
         attributes_from = \"attributes\"\n"
    );
    write_delimiter(&mut text, looked);
    text.push_str("\n[identifiers]\n");
    let end = looked.columns.iter().position(|it| it.name == "name").unwrap_or(looked.columns.len());
    let is_kind = |it: &&Column| it.name != "unified_id";
    for column in looked.columns.iter().take(end).filter(is_kind) {
        let kind = column.name.strip_prefix("identifier_").unwrap_or(&column.name);
        let line = format!("{} = {{ column = {}, separator = \";\" }}\n", quoted(kind), quoted(&column.name));
        text.push_str(&line);
    }
    let is_rest = |it: &&Column| !["last_updated_at", "attributes"].contains(&&*it.name);
    let rest = looked.columns.iter().skip(end).filter(is_rest);
    write_rest(&mut text, looked.columns.iter().take(1).chain(rest));
    text
}

/// A TOML string, which has the escapes of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_delimiter(text: &mut String, looked: &Looked) {
    if looked.delimiter != b',' {
        let sign = char::from(looked.delimiter).to_string();
        text.push_str(&format!("delimiter = {}\n", quoted(&sign)));
    }
    if 0 < looked.n_before {
        text.push_str(&format!("# Lines in front of the header.\nskip = {}\n", looked.n_before));
    }
}

fn write_rest<'c>(text: &mut String, columns: impl Iterator<Item = &'c Column>) {
    let names: Vec<String> = columns.map(|it| format!("# {}\n", quoted(&it.name))).collect();
    if !names.is_empty() {
        text.push_str("\n# Columns that have no place here:\n");
        text.push_str(&names.concat());
    }
}

/// The decimal separator, where only one of the two parses the values.
fn decimal_of(values: &[String]) -> Option<Decimal> {
    let n_of = |this, other| {
        let is_shown = |it: &&String| cell::number(it, this).is_some() && cell::number(it, other).is_none();
        values.iter().filter(is_shown).count()
    };
    let n_comma = n_of(Decimal::Comma, Decimal::Point);
    let n_point = n_of(Decimal::Point, Decimal::Comma);
    match n_comma.cmp(&n_point) {
        std::cmp::Ordering::Greater => Some(Decimal::Comma),
        std::cmp::Ordering::Less => Some(Decimal::Point),
        std::cmp::Ordering::Equal => None,
    }
}

impl Column {
    fn is_amount(&self) -> bool {
        match self.about {
            About::Order(name) => name.ends_with("amount"),
            About::Item(name) => ["df_price", "df_quantity", "df_discount", "df_line_amount"].contains(&name),
            _ => false,
        }
    }

    /// Whether its values are quantities, and not codes of digits.
    fn is_measure(&self) -> bool {
        const CODES: [&str; 11] =
            ["zip", "post", "code", "phone", "tel", "fax", "우편", "코드", "번호", "연락처", "郵便"];
        let bare = bare(&self.name);
        let is_code = bare.ends_with("id") || bare.ends_with("no") || CODES.iter().any(|it| bare.contains(it));
        let is_number = |text: &String| {
            let has_leading_zero = text.starts_with('0') && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
            let is_parsed = [Decimal::Point, Decimal::Comma].iter().any(|sign| cell::number(text, *sign).is_some());
            is_parsed && !has_leading_zero && !text.starts_with('+') && text.len() < 16
        };
        self.about == About::Custom && !is_code && !self.values.is_empty() && self.values.iter().all(is_number)
    }

    /// The format of its dates, where they need one; and a comment for the mapping where several or none fit.
    fn format(&self, is_time: bool) -> (Option<String>, Option<String>) {
        let zone = Tz::UTC;
        let reads = |text: &String, format: Option<&str>| {
            if is_time { cell::time(text, format, zone).is_some() } else { cell::date(text, format, zone).is_some() }
        };
        if self.values.iter().any(|it| reads(it, None)) || self.values.is_empty() {
            return (None, None);
        }
        let forms = DATES.iter().flat_map(|day| TIMES.iter().map(move |time| format!("{day}{time}")));
        let fitting: Vec<String> = forms.filter(|form| self.values.iter().all(|it| reads(it, Some(form)))).collect();
        match &fitting[..] {
            [] => (None, Some(format!("# {} is no date of a known form: add format = \"…\".\n", quoted(&self.name)))),
            [one] => (Some(one.clone()), None),
            several => {
                let forms = several.join(" or ");
                (
                    None,
                    Some(format!("# {} can be {forms}: add format = \"…\" with the right one.\n", quoted(&self.name))),
                )
            }
        }
    }
}

fn write(looked: &Looked, file: &str, now: DateTime<Utc>) -> String {
    let is_order = is_order(looked);
    let has_items = is_order && looked.columns.iter().any(|it| matches!(it.about, About::Item(_)));
    let of = |about: About| looked.columns.iter().find(|it| it.about == about);
    let shop = looked.shop.map_or_else(String::new, |it| format!(", which has the headings of {}", it.name));
    let mut text = format!(
        "# Proposed for {file}{shop}. Look it over, then: profile360 import FILE --map THIS\n\
         type = \"{}\"\nsource = \"{}\"\n",
        if is_order { "event" } else { "identify" },
        looked.shop.map_or("csv", |it| it.source),
    );
    if is_order {
        text.push_str("event = { value = \"df_purchase\" }\n");
    }
    match of(About::Time) {
        Some(column) => {
            let (format, sentence) = column.format(true);
            text.push_str(&sentence.unwrap_or_default());
            let format = format.map_or_else(String::new, |it| format!(", format = {}", quoted(&it)));
            let name = quoted(&column.name);
            text.push_str(&format!("timestamp = {{ column = {name}, type = \"time\"{format} }}\n"));
        }
        None => text.push_str(&format!(
            "# The table says no time: this is when the proposal was made. Write when the table was.\ntimestamp = {{ value = \"{}\" }}\n",
            now.format("%Y-%m-%dT%H:%M:%SZ")
        )),
    }
    write_delimiter(&mut text, looked);
    let shown: Vec<Option<Decimal>> = looked
        .columns
        .iter()
        .map(|it| if it.is_amount() || it.is_measure() { decimal_of(&it.values) } else { None })
        .collect();
    let is_comma_everywhere = shown.contains(&Some(Decimal::Comma)) && !shown.contains(&Some(Decimal::Point));
    if is_comma_everywhere {
        text.push_str("# Numbers have a comma in front of their decimal places.\ndecimal = \",\"\n");
    }
    if let Some(order) = of(About::Order("df_order_id")).filter(|_| has_items) {
        let order = quoted(&order.name);
        text.push_str(&format!("# Rows behind one another with the same order are one order.\ngroup = {order}\n"));
    }
    let twice: Vec<&Column> = looked.columns.iter().filter(|it| it.name.contains('#')).collect();
    for column in twice {
        let name = quoted(&column.name);
        text.push_str(&format!("# Several columns have one name, or this one has none; it is reached as {name}.\n"));
    }
    let is_paid = |it: &Column| it.is_amount() && !matches!(it.about, About::Item("df_quantity" | "df_discount"));
    if is_order && !looked.columns.iter().any(is_paid) {
        text.push_str(
            "# No column looks like an amount: orders count with 0 until [properties] has one, as\n\
             # df_total_purchase_amount = { column = \"…\", type = \"number\" }\n",
        );
    }
    let mut parts = Parts::default();
    for (column, shown) in looked.columns.iter().zip(shown) {
        let decimal = if shown == Some(Decimal::Comma) && !is_comma_everywhere { ", decimal = \",\"" } else { "" };
        parts.add(column, is_order, has_items, decimal);
    }
    if let (Some(first), Some(last)) = (of(About::First), of(About::Last)) {
        let (first, last) = (quoted(&first.name), quoted(&last.name));
        let line = format!("df_name = {{ first = {first}, last = {last} }}\n");
        parts.attributes.insert_str(0, &line);
    }
    text.push_str(&format!("\n[identifiers]\n{}", parts.identifiers()));
    let named = [("attributes", &parts.attributes), ("properties", &parts.properties), ("items", &parts.items)];
    for (name, part) in named {
        if !part.is_empty() {
            text.push_str(&format!("\n[{name}]\n{part}"));
        }
    }
    let columns: Vec<String> = looked.columns.iter().map(|it| it.name.clone()).collect();
    let leave_out = looked.shop.map(|shop| shop.leave_out(&columns)).unwrap_or_default();
    if !leave_out.is_empty() {
        text.push_str("\n# Rows that are no purchase, or none any more.\n[leave_out]\n");
        for (column, words) in leave_out {
            let words: Vec<String> = words.iter().map(|it| quoted(it)).collect();
            text.push_str(&format!("{} = [{}]\n", quoted(column), words.join(", ")));
        }
    }
    write_rest(&mut text, looked.columns.iter().filter(|it| it.about == About::Nowhere));
    text
}

/// The tables of a map.
#[derive(Default)]
struct Parts {
    identifiers: BTreeMap<&'static str, Vec<String>>,
    attributes: String,
    properties: String,
    items: String,
}

impl Parts {
    fn identifiers(&self) -> String {
        let line = |(kind, columns): (&&str, &Vec<String>)| {
            let value = if let [one] = &columns[..] { one.clone() } else { format!("[{}]", columns.join(", ")) };
            format!("{kind} = {value}\n")
        };
        self.identifiers.iter().map(line).collect()
    }

    fn add(&mut self, it: &Column, is_order: bool, has_items: bool, decimal: &str) {
        let column = quoted(&it.name);
        let number =
            if it.is_amount() || it.is_measure() { format!(", type = \"number\"{decimal}") } else { String::new() };
        match it.about {
            About::Time | About::First | About::Last | About::Nowhere => {}
            About::Identifier(kind) => self.identifiers.entry(kind).or_default().push(column),
            About::Name => self.attributes.push_str(&format!("df_name = {column}\n")),
            About::Membership => self.attributes.push_str(&format!("df_membership = {column}\n")),
            About::Birth => {
                let (format, sentence) = it.format(false);
                self.attributes.push_str(&sentence.unwrap_or_default());
                let format = format.map_or_else(String::new, |it| format!(", format = {}", quoted(&it)));
                self.attributes.push_str(&format!("df_birth = {{ column = {column}, type = \"date\"{format} }}\n"));
            }
            About::Gender => {
                let ours = |theirs: &str| {
                    let lower = theirs.to_lowercase();
                    GENDERS.iter().find(|(_, words)| words.contains(&&*lower)).map(|(ours, _)| *ours)
                };
                let words = words(&it.values, ours);
                self.attributes.push_str(&format!("df_gender = {{ column = {column}{words} }}\n"));
            }
            About::Consent(name) => {
                self.attributes.push_str(&format!("{name} = {{ column = {column}, type = \"boolean\" }}\n"));
            }
            About::Order("df_currency") => {
                let ours =
                    |theirs: &str| CURRENCIES.iter().find(|(word, _)| *word == theirs).map(|(_, letters)| *letters);
                let words = words(&it.values, ours);
                self.properties.push_str(&format!("df_currency = {{ column = {column}{words} }}\n"));
            }
            About::Order(name) => self.properties.push_str(&format!("{name} = {{ column = {column}{number} }}\n")),
            About::Item(name) if has_items => {
                self.items.push_str(&format!("{name} = {{ column = {column}{number} }}\n"));
            }
            // Other columns describe the order if there is one, otherwise the customer.
            About::Item(_) | About::Custom if is_order => {
                self.properties.push_str(&format!("{column} = {column}\n"));
            }
            About::Item(_) | About::Custom if number.is_empty() => {
                self.attributes.push_str(&format!("{column} = {column}\n"));
            }
            About::Item(_) | About::Custom => {
                self.attributes.push_str(&format!("{column} = {{ column = {column}{number} }}\n"));
            }
        }
    }
}

/// Translations of a column's values, as a part of its rule.
fn words(values: &[String], ours: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut theirs: Vec<&String> = values.iter().collect();
    theirs.sort_unstable();
    theirs.dedup();
    let pairs: Vec<String> =
        theirs.iter().filter_map(|it| Some(format!("{} = \"{}\"", quoted(it), ours(it)?))).collect();
    if pairs.is_empty() { String::new() } else { format!(", values = {{ {} }}", pairs.join(", ")) }
}
