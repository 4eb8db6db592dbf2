//! Attributes whose meaning the system knows.

/// The attributes that are consents, and the channel of each, in the order of channels.
pub const CONSENTS: [(&str, &str); 5] = [
    ("df_kakao_ads_optin", "kakao_ads"),
    ("df_push_optin", "push"),
    ("df_push_ads_optin", "push_ads"),
    ("df_push_night_ads_optin", "push_night_ads"),
    ("df_sms_ads_optin", "sms_ads"),
];

pub(crate) const NAME: &str = "df_name";

pub(crate) const GENDER: &str = "df_gender";

pub(crate) const BIRTH_DATE: &str = "df_birth";

pub(crate) const MEMBERSHIP_LEVEL: &str = "df_membership";

/// Whether the system knows an attribute's meaning.
pub fn is_standard(name: &str) -> bool {
    matches!(name, NAME | GENDER | BIRTH_DATE | MEMBERSHIP_LEVEL) || CONSENTS.iter().any(|(it, _)| *it == name)
}
