//! The customers: their identifiers, machines and habits, and what they share.

#![expect(clippy::cast_possible_truncation, reason = "small made-up numbers")]

use super::{
    calendar::DAYS,
    catalog::{self, CARRIERS, CATEGORIES, Machine, Place, Platform},
    dice::Dice,
    identifier::{Identifier, Phone},
};

/// What the customers of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Nothing,
    /// A family shares a phone number.
    Phone,
    /// A family shares a tablet.
    Tablet,
    /// A shop signs up its customers on one tablet.
    ShopTablet,
    /// A carrier reassigns the first customer's number to the second.
    RecycledPhone,
}

/// Customers who share something, or one customer.
pub(super) struct Group {
    pub(super) sharing: Sharing,
    pub(super) people: Vec<Person>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CustomerType {
    /// Has an external ID.
    Account,
    /// Buys with an email address and a phone number.
    Guest,
    /// Only browses: known by a device.
    Visitor,
}

pub(super) struct Person {
    pub(super) number: u64,
    seed: u64,
    pub(super) customer_type: CustomerType,
    /// The name as the customer writes it.
    pub(super) name: String,
    /// The name in Latin letters.
    pub(super) latin_name: String,
    pub(super) gender: Option<&'static str>,
    /// yyyy-MM-dd.
    pub(super) birth: Option<String>,
    pub(super) phones: Vec<Phone>,
    /// Whether another customer has the first phone number too.
    pub(super) shares_phone: bool,
    pub(super) emails: Vec<String>,
    pub(super) card: Option<String>,
    /// A Kakao or LINE ID, with its kind.
    pub(super) messenger: Option<Identifier>,
    /// Whether the messenger ID was known first.
    pub(super) messenger_first: bool,
    /// Whether the first device was seen before the customer signed up.
    pub(super) anonymous_first: bool,
    pub(super) devices: Vec<OwnDevice>,
    /// The `device_id` of the shop's tablet on which the customer signs up.
    pub(super) shop_tablet: Option<String>,
    pub(super) home: &'static Place,
    pub(super) language: &'static str,
    /// The first and the last day of activity.
    pub(super) joined: i64,
    pub(super) left: i64,
    pub(super) n_sessions: u64,
    /// The usual hour and weekday (0 for Monday).
    pub(super) hour: i64,
    pub(super) weekday: i64,
    /// The indexes of two categories and of three products in the catalog.
    pub(super) categories: [usize; 2],
    pub(super) products: [usize; 3],
}

pub(super) struct OwnDevice {
    pub(super) id: String,
    pub(super) machine: &'static Machine,
    pub(super) carrier: Option<&'static str>,
    /// Whether other customers use it too.
    pub(super) is_shared: bool,
}

/// What the next group shares, and its size.
pub(super) fn draw_group(dice: &mut Dice, n_groups_before: u64) -> (Sharing, u64) {
    // The weights are of groups, not customers: 3 % of customers are in 12 of about 8,700 groups.
    const GROUPS: [(Sharing, u64); 5] = [
        (Sharing::Nothing, 8_100),
        (Sharing::Tablet, 267),
        (Sharing::Phone, 200),
        (Sharing::RecycledPhone, 100),
        (Sharing::ShopTablet, 12),
    ];
    let sharing = match n_groups_before {
        0 => Sharing::ShopTablet,
        1 => Sharing::Phone,
        2 => Sharing::Tablet,
        3 => Sharing::RecycledPhone,
        _ => *dice.weighted(&GROUPS),
    };
    let size = match sharing {
        Sharing::Nothing => 1,
        Sharing::Phone | Sharing::Tablet => 2 + dice.below(3),
        Sharing::ShopTablet => 12 + dice.below(29),
        Sharing::RecycledPhone => 2,
    };
    (sharing, size)
}

impl Group {
    /// `first` is the number of the first customer.
    pub(super) fn new(sharing: Sharing, first: u64, size: u64, dice: &mut Dice) -> Self {
        let surname = *dice.weighted(&catalog::FAMILY_NAMES);
        let home = dice.weighted(&catalog::PLACES);
        let is_family = matches!(sharing, Sharing::Phone | Sharing::Tablet);
        let mut people = Vec::new();
        for number in first..first + size {
            let (surname, home) = if is_family || number == first {
                (surname, home)
            } else {
                (*dice.weighted(&catalog::FAMILY_NAMES), dice.weighted(&catalog::PLACES))
            };
            people.push(Person::new(number, surname, home, sharing == Sharing::Nothing, dice));
        }
        let mut group = Self { sharing, people };
        group.share(dice);
        group
    }

    fn share(&mut self, dice: &mut Dice) {
        let Some(first) = self.people.first().map(|it| it.number) else { return };
        match self.sharing {
            Sharing::Nothing => {}
            Sharing::Phone => {
                for person in &mut self.people {
                    person.phones = vec![Phone::of(first, 0, dice.seed())];
                    person.shares_phone = true;
                }
            }
            Sharing::Tablet => {
                let (id, machine) = (device_id(dice), dice.pick(&catalog::TABLETS));
                for person in &mut self.people {
                    person.devices.push(OwnDevice { id: id.clone(), machine, carrier: None, is_shared: true });
                }
            }
            Sharing::ShopTablet => {
                let id = device_id(dice);
                for person in &mut self.people {
                    person.shop_tablet = Some(id.clone());
                    // They are new in the shop: nothing was known of them before.
                    person.anonymous_first = false;
                    person.messenger_first = false;
                }
            }
            Sharing::RecycledPhone => {
                for (place, person) in (0..).zip(&mut self.people) {
                    person.phones = vec![Phone::of(first, 0, dice.seed())];
                    person.shares_phone = true;
                    // The first leaves by day 300; the second joins at least 100 days later.
                    person.joined = dice.between(0, 200) + 400 * place;
                    person.left = if place == 0 { 300 } else { DAYS - 1 };
                }
            }
        }
    }
}

impl Person {
    fn new(
        number: u64,
        surname: (&'static str, &'static str),
        home: &'static Place,
        is_alone: bool,
        dice: &mut Dice,
    ) -> Self {
        let customer_type = match dice.below(100) {
            0..5 if is_alone => CustomerType::Visitor,
            5..12 if is_alone => CustomerType::Guest,
            _ => CustomerType::Account,
        };
        let is_female = dice.percent(55);
        let given = if is_female { dice.pick(&catalog::FEMALE_NAMES) } else { dice.pick(&catalog::MALE_NAMES) };
        let (name, latin_name) = if home.country == "US" || dice.percent(4) {
            let given =
                dice.pick(if is_female { &catalog::ENGLISH_FEMALE_NAMES } else { &catalog::ENGLISH_MALE_NAMES });
            let name = format!("{given} {}", dice.pick(&catalog::ENGLISH_FAMILY_NAMES));
            (name.clone(), name)
        } else {
            (format!("{}{}", surname.0, given.0), format!("{} {}", given.1, surname.1))
        };
        let language = match home.country {
            "JP" => "ja-JP",
            "US" => "en-US",
            "VN" => "vi-VN",
            _ if name == latin_name => "en-US",
            _ => "ko-KR",
        };
        let is_account = customer_type == CustomerType::Account;
        let mut phones = Vec::new();
        if customer_type == CustomerType::Guest || is_account && dice.percent(92) {
            phones.push(Phone::of(number, 0, dice.seed()));
            if is_account && dice.percent(8) {
                phones.push(Phone::of(number, 1, dice.seed()));
            }
        }
        let emails = emails(number, &latin_name, customer_type, dice);
        let messenger = if is_account && dice.percent(45) { Some(messenger(number, dice)) } else { None };
        let joined = if dice.percent(25) { dice.between(0, 30) } else { dice.between(0, DAYS - 10) };
        let left = if dice.percent(25) { dice.between(joined, DAYS - 1) } else { DAYS - 1 };
        let categories = [category(dice), category(dice)];
        let mut products = [0; 3];
        for product in &mut products {
            *product = product_of(*dice.pick(&categories), dice);
        }
        Self {
            number,
            seed: dice.seed(),
            customer_type,
            name,
            latin_name,
            gender: gender(is_female, dice),
            birth: dice.percent(88).then(|| birth(dice)),
            phones,
            shares_phone: false,
            emails,
            card: (is_account && dice.percent(35)).then(|| card(number, dice.seed())),
            messenger_first: messenger.is_some() && dice.percent(25),
            messenger,
            anonymous_first: is_account && dice.percent(40),
            devices: devices(customer_type, dice),
            shop_tablet: None,
            home,
            language,
            joined,
            left,
            n_sessions: n_sessions(is_account, left - joined, dice),
            hour: *dice.pick(&[8, 12, 13, 18, 20, 21, 21, 22, 22, 23, 0]),
            weekday: dice.between(0, 6),
            categories,
            products,
        }
    }

    /// The shop's internal number of a customer with an account.
    pub(super) fn external_id(&self) -> Identifier {
        let id = format!("{}-{}", self.seed, 1_230_100_000 + self.number);
        Identifier { kind: "external_id", written: id.clone(), normal: Some(id) }
    }

    /// The address at a place, with capitals in 12 of 100 cases.
    pub(super) fn email(&self, place: usize, dice: &mut Dice) -> Option<Identifier> {
        let normal = self.emails.get(place)?;
        let written = match dice.below(100) {
            0..5 => normal.to_uppercase(),
            5..12 => normal.replacen("example", "Example", 1),
            _ => normal.clone(),
        };
        Some(Identifier { kind: "email", written, normal: Some(normal.clone()) })
    }

    pub(super) fn phone(&self, dice: &mut Dice) -> Option<Identifier> {
        self.phones.first().map(|it| it.identifier(dice))
    }

    pub(super) fn card(&self) -> Option<Identifier> {
        let card = self.card.as_ref()?;
        Some(Identifier { kind: "customer_card", written: card.clone(), normal: Some(card.clone()) })
    }
}

pub(super) fn device_identifier(id: &str) -> Identifier {
    Identifier { kind: "device_id", written: id.to_owned(), normal: Some(id.to_owned()) }
}

/// Fewer for customers who joined late or left early.
fn n_sessions(is_account: bool, days: i64, dice: &mut Dice) -> u64 {
    let over_two_years = if is_account { dice.heavy_tailed(8, 400) } else { dice.heavy_tailed(3, 6) };
    (over_two_years * (100 + days.unsigned_abs()) / (100 + DAYS.unsigned_abs())).max(1)
}

fn gender(is_female: bool, dice: &mut Dice) -> Option<&'static str> {
    match dice.below(100) {
        0..7 => None,
        7 => Some("NonBinary"),
        8 => Some("Other"),
        _ => Some(if is_female { "Female" } else { "Male" }),
    }
}

fn birth(dice: &mut Dice) -> String {
    let decade = *dice.weighted(&[(2010, 3), (2000, 20), (1990, 30), (1980, 24), (1970, 14), (1960, 7), (1940, 2)]);
    format!("{}-{:02}-{:02}", decade + dice.between(0, 9), dice.between(1, 12), dice.between(1, 28))
}

/// Addresses in reserved domains. The customer's number and the seed make them unique.
fn emails(number: u64, latin_name: &str, customer_type: CustomerType, dice: &mut Dice) -> Vec<String> {
    let letters = |it: &str| it.to_lowercase().replace('ë', "e").replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let (given, family) = latin_name.split_once(' ').unwrap_or((latin_name, ""));
    let (given, family) = (letters(given), letters(family));
    let domain = dice.weighted(&[("example.com", 70), ("example.net", 20), ("example.org", 10)]);
    let n_addresses = match customer_type {
        CustomerType::Visitor => 0,
        CustomerType::Guest => 1,
        CustomerType::Account => *dice.weighted(&[(0, 10), (1, 78), (2, 12)]),
    };
    let own = format!("{family}{number}.{}", dice.seed());
    let mut addresses = vec![format!("{given}.{own}@{domain}"), format!("{own}@work.example.com")];
    addresses.truncate(n_addresses);
    addresses
}

fn messenger(number: u64, dice: &mut Dice) -> Identifier {
    let (kind, value) = if dice.percent(78) {
        ("kakao_id", format!("{}-{}", dice.seed(), 3_000_000_000 + number * 7))
    } else {
        ("line_id", format!("U{:016x}{number:016x}", dice.below(u64::MAX)))
    };
    Identifier { kind, written: value.clone(), normal: Some(value) }
}

fn card(number: u64, seed: u64) -> String {
    let digits = number * 7_919;
    format!("9410-{seed}-{:04}-{:04}-{:04}", digits / 100_000_000, digits / 10_000 % 10_000, digits % 10_000)
}

fn device_id(dice: &mut Dice) -> String {
    dice.hex()
}

/// The first is the customer's own phone or browser.
fn devices(customer_type: CustomerType, dice: &mut Dice) -> Vec<OwnDevice> {
    let phone = |dice: &mut Dice| OwnDevice {
        id: device_id(dice),
        machine: dice.weighted(&catalog::PHONES),
        carrier: Some(*dice.weighted(&CARRIERS)),
        is_shared: false,
    };
    let browser = |dice: &mut Dice| OwnDevice {
        id: format!("web-{}", device_id(dice)),
        machine: dice.weighted(&catalog::BROWSERS),
        carrier: None,
        is_shared: false,
    };
    if customer_type != CustomerType::Account {
        return vec![if dice.percent(40) { phone(dice) } else { browser(dice) }];
    }
    let mut devices = vec![if dice.percent(75) { phone(dice) } else { browser(dice) }];
    if dice.percent(40) {
        let is_app = devices.iter().any(|it| it.machine.platform != Platform::Web);
        devices.push(if is_app { browser(dice) } else { phone(dice) });
    }
    // A new phone, a browser that forgot its cookie.
    while devices.len() < 6 && dice.percent(20) {
        devices.push(if dice.percent(60) { phone(dice) } else { browser(dice) });
    }
    devices
}

fn category(dice: &mut Dice) -> usize {
    dice.place(&CATEGORIES.map(|(_, weight)| weight))
}

fn product_of(category: usize, dice: &mut Dice) -> usize {
    category * catalog::PRODUCTS_A_CATEGORY + dice.below(catalog::PRODUCTS_A_CATEGORY as u64) as usize
}

impl Person {
    /// The place in the catalog of something that this customer would look at.
    pub(super) fn draw_product(&self, dice: &mut Dice) -> usize {
        match dice.below(100) {
            0..45 => *dice.pick(&self.products),
            45..75 => product_of(*dice.pick(&self.categories), dice),
            _ => product_of(category(dice), dice),
        }
    }
}
