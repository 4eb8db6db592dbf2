//! Values that say nothing about who someone is: what programs, spreadsheets and people write where they have nothing to write.

use super::text::narrow;

/// Why a value never links and never founds a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    #[error("this value says nothing about who it is")]
    Placeholder,
    #[error("a part of this value is masked or lost, and others look the same; send the whole value")]
    Masked,
    #[error("this number was written in scientific notation and has lost its digits; send it as text")]
    Scientific,
}

/// What many have at once, as it is compared: in lower case, of ASCII's width, without blanks, NFC. Those with digits are in
/// [`WITH_DIGITS`].
const PLACEHOLDERS: &str = "\
    #bezug! #blocked! #busy! #calc! #connect! #div/0! #error! #field! #getting_data #n/a \
    #name? #nom? #nombre! #nome? #null! #num! #nv #ref! #rif! #spill! #unknown! #valeur! \
    #valor! #valore! #value! #wert! #zahl! #¡num! #¡ref! #¡valor! #¿nombre? -inf -infinity \
    \\n anon anoniem anonimo anonym anonyme anonymous anonymous_id anonymous_user anonymousid \
    anonymoususer anónimo anônima anônimo asdf asdfasdf asdfgh asdfghjkl aucun aucune bar baz \
    bilinmiyor blank boş brak convidado customer customer_id customerid default deleted \
    desconhecida desconhecido desconocida desconocido device_id deviceid distinct_id \
    distinctid dummy e-mail email emailaddress empty entfällt error example external_id \
    externalid fake false foo foobar gast geen gość guest guest_user guestuser guid hidden id \
    inconnu inconnue inf infinity ingen invalid invitado invité k.a k.a. keinangabe keine \
    keineangabe keinedaten keiner keines keinwert khách không khôngcó khôngrõ kosong leeg \
    leer logged_out loggedout login masked member member_id memberid misafir missing \
    n.a n.v.t n.v.t. n/a n/d n/k na name nan naoinformado neant nenhum nenhuma nessuna \
    nessuno neznámý nichtangegeben nichtverfügbar nichtvorhanden niedotyczy nieznany nil \
    ninguna ninguno no no-email noaplica nobody nodata nodisponible noemail noemailaddress \
    noid non-member noname nonapplicable nondefinito nondisponibile none nonetype nonmember \
    nonrenseigne nonrenseigné nonumber noone nophone noregistrado not_authenticated \
    not_logged_in notapplicable notauthenticated notavailable notfound nothing notloggedin \
    notprovided notset notspecified nouser nouserid novalue nula null nulla nullnull nulo nvt \
    nãodisponível nãoinformado nãoregistrado nãoseaplica néant objectnull objectobject \
    objectundefined ohne okänd onbekend ospite pasdedonnées phone phone_no phone_number \
    phonenumber qwer qwerty qwertyuiop redacted removed s/d s/o saknas sample sansobjet \
    sconosciuta sconosciuto semdados sindato sindatos sinespecificar sinnombre tba tbd \
    temp test test-user test_account test_user testaccount tester testing tests testuser \
    tidakada tidakdiketahui tmp todo true tuntematon uid ukendt ukjent unassigned \
    unauthenticated unbekannt undef undefined undisclosed unidentified unknown unregistered \
    unset unspecified user user_id user_name userid username uuid vacio vacío vazio vide \
    visiteur visitor void vuoto withdrawn withheld yes yok żaden аноним гость неизвестен \
    неизвестно неизвестный нет нетданных отсутствует пусто тест غيرمعروف لايوجد مجهول अज्ञात \
    ไม่ทราบ ไม่มี その他 なし ななし ゲスト ダミー テスト ナシ ー ㅁㄴㅇㄹ ㅁㅁ ㅇㅇ ㅋㅋ ㅎㅎ 不明 不詳 不详 不适用 不適用 削除済み 匿名 名無し \
    已删除 已刪除 已注销 已註銷 无 无效 暂无 暫無 未入力 未填 未填写 未填寫 未定 未注册 未登录 未登錄 未登録 未知 未記入 未設定 未註冊 沒有 没有 测试 測試 \
    游客 無 無し 登録なし 空 空值 空欄 空白 記入なし 訪客 該当なし 該当無し 访客 退会 退会済 退会済み 退会者 遊客 非会员 非会員 非公開 非會員 값없음 게스트 \
    고객 공란 기타 널 로그인안함 메일없음 모름 무 무명 미가입 미기입 미기재 미동의 미등록 미상 미설정 미입력 미정 미제공 미지정 미확인 번호없음 불명 비고객 \
    비공개 비대상 비로그인 비로그인회원 비회원 빈값 삭제 삭제됨 삭제회원 샘플 선택안함 손님 아이디없음 알수없는사용자 알수없음 없다 없슴 없음 연락처없음 예시 \
    이름없음 이메일없음 익명 익명회원 임시 전화번호없음 전화없음 정보없음 탈퇴 탈퇴고객 탈퇴자 탈퇴회원 테스터 테스트 테스트계정 해당無 해당사항없음 해당없음 \
    핸드폰없음 회원 휴대폰없음 ";

/// Null IDs and the IDs that broken devices share.
const WITH_DIGITS: [&str; 7] =
    ["#div/0!", "-1", "-0", "012345678912345", "02:00:00:00:00:00", "020000000000", "9774d56d682e549c"];

/// The local parts of email addresses that belong to no person on any domain.
const PLACEHOLDER_MAILBOXES: &str =
    " anonymous dummy noemail no-email none noreply no-reply donotreply do-not-reply null undefined unknown ";

/// The local parts that are placeholders where the domain repeats them: `test@test.com`.
const PLACEHOLDER_DOMAINS: &str = " a aa aaa aaaa ab abc abcd asdf email example mail na no test xx xxx ";

/// The words that are always blocked, in the form in which values are compared.
pub fn always_blocked() -> Vec<&'static str> {
    let words = PLACEHOLDERS.split_ascii_whitespace().filter(|word| !WITH_DIGITS.contains(word));
    words.chain(WITH_DIGITS).collect()
}

/// Why a value identifies no person. It must be [clean](super::text::clean).
pub(crate) fn blocked(value: &str) -> Option<Blocked> {
    if is_scientific(value) {
        return Some(Blocked::Scientific);
    }
    if is_one_digit_repeated(value) {
        return Some(Blocked::Placeholder);
    }
    if is_masked(value) {
        return Some(Blocked::Masked);
    }
    means_nothing(value).then_some(Blocked::Placeholder)
}

/// Why an ID of an order or a session is none: a word that means none, zeros, or a number that lost its digits. Such IDs count
/// up from 1, so that a digit that comes twice is no fault.
pub(crate) fn names_nothing(value: &str) -> Option<Blocked> {
    if is_scientific(value) {
        return Some(Blocked::Scientific);
    }
    let is_zero = value.bytes().all(|it| matches!(it, b'0' | b'-' | b'.'));
    (is_zero || means_nothing(value)).then_some(Blocked::Placeholder)
}

/// As values are compared with those that mean none.
pub(crate) fn fold(value: &str) -> String {
    value.chars().map(narrow).filter(|it| !it.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn means_nothing(value: &str) -> bool {
    // Longer than all that is known; most IDs are settled here or by their digits.
    const LONGEST: usize = 64;
    if LONGEST < value.len() && !value.contains('@') {
        return is_template(value) || has_no_letter(value);
    }
    // Most IDs of orders: folded they are the same, and nothing but digits is none of what follows.
    if value.bytes().all(|it| it.is_ascii_digit()) && !value.is_empty() {
        return WITH_DIGITS.contains(&value);
    }
    let folded = fold(value);
    if is_template(&folded) || has_no_letter(&folded) || is_one_letter_repeated(&folded) {
        return true;
    }
    if let Some((local, domain)) = folded.split_once('@') {
        return is_placeholder_address(local, domain);
    }
    if folded.bytes().any(|it| it.is_ascii_digit()) {
        return WITH_DIGITS.contains(&folded.as_str());
    }
    // `#N/A` is a spreadsheet's word; brackets and quotes around any other mean nothing.
    let is_around =
        |it: char| matches!(it, '(' | ')' | '<' | '>' | '[' | ']' | '{' | '}' | '"' | '\'' | '`' | '「' | '」');
    let word = folded.trim_matches(is_around);
    is_among(PLACEHOLDERS, word)
        || is_among(PLACEHOLDERS, word.trim_end_matches(['.', '!', '?']))
        || is_among(PLACEHOLDERS, &folded)
}

/// Whether a word is one of a list whose words have spaces between them.
fn is_among(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split(' ').any(|it| it == word)
}

fn is_placeholder_address(local: &str, domain: &str) -> bool {
    let name = domain.split('.').next().unwrap_or_default();
    is_among(PLACEHOLDER_MAILBOXES, local) || (local == name && is_among(PLACEHOLDER_DOMAINS, local))
}

/// A template that was not filled in: `{{user_id}}`, `${id}`, `%%ID%%`.
fn is_template(value: &str) -> bool {
    let is_within = |start: &str, end: &str| value.starts_with(start) && value.ends_with(end) && 2 < value.len();
    value.contains("{{")
        || value.contains("${")
        || is_within("{", "}")
        || is_within("<%", "%>")
        || is_within("%%", "%%")
        || is_within("#{", "}")
}

/// Dashes, dots, quotes.
fn has_no_letter(value: &str) -> bool {
    !value.chars().any(char::is_alphanumeric)
}

/// Three or more of one letter, two of `x`, with anything in between.
fn is_one_letter_repeated(value: &str) -> bool {
    let mut letters = value.chars().filter(|it| !matches!(it, '-' | ' ' | '.' | ':' | '_' | '@'));
    let Some(first) = letters.next().map(|it| it.to_ascii_lowercase()) else { return false };
    let mut n_letters = 1;
    for letter in letters {
        if letter.to_ascii_lowercase() != first {
            return false;
        }
        n_letters += 1;
    }
    first.is_alphabetic() && (2 < n_letters || (first == 'x' && 1 < n_letters))
}

/// All zeros, or two or more of the same digit, with anything in between: `0000`, `111-1111`, the all-zero advertising ID.
fn is_one_digit_repeated(value: &str) -> bool {
    let is_between = |it: &char| matches!(it, '-' | ' ' | '.' | '+' | '(' | ')' | ':');
    let mut digits = value.chars().map(narrow).filter(|it| !is_between(it));
    let Some(first) = digits.next().filter(char::is_ascii_digit) else { return false };
    let mut n_digits = 1;
    for digit in digits {
        if digit != first {
            return false;
        }
        n_digits += 1;
    }
    first == '0' || 1 < n_digits
}

/// Stars, bullets, dots for the rest, letters that were lost: `h***@example.com`, `010-****-1234`, `010-xxxx-1234`.
fn is_masked(value: &str) -> bool {
    let is_mask = |it: char| matches!(it, '*' | '\u{ff0a}' | '\u{fffd}') || is_drawn(it);
    if value.contains(is_mask) || value.contains("...") || value.contains("##") || value.contains("???") {
        return true;
    }
    let is_around = |it: u8| it.is_ascii_digit() || matches!(it, b'-' | b' ' | b'.' | b'+' | b'(' | b')' | b'x' | b'X');
    (value.contains("xxx") || value.contains("XXX")) && value.bytes().all(is_around)
}

/// Bullets and blocks, and dots in one letter.
fn is_drawn(letter: char) -> bool {
    let known = "\u{2022}\u{2026}\u{2217}\u{2219}\u{204e}\u{25cf}\u{25cb}\u{25e6}\u{2b24}\u{2731}\u{25a0}\u{25a1}\u{25aa}\u{2588}\u{2591}";
    !letter.is_ascii() && known.contains(letter)
}

/// `8.21E+11`: the form in which spreadsheets and programs write a number that is too long for them. `12e345` may be an ID.
fn is_scientific(value: &str) -> bool {
    let Some((mantissa, exponent)) = value.split_once(['e', 'E']) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = match mantissa.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let signless = exponent.strip_prefix('+');
    let n = signless.or_else(|| exponent.strip_prefix('-').filter(|_| fraction.is_some())).unwrap_or(exponent);
    let is_marked = signless.is_some() || fraction.is_some();
    is_marked && is_number(whole) && fraction.is_none_or(is_number) && is_number(n) && n.len() <= 3
}
