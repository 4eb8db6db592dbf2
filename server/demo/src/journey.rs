//! What customers do: they visit, sign up, browse, buy, return products.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small made-up numbers"
)]

use chrono::Datelike;

use super::{
    calendar::{DAY, DAYS, HOUR, MINUTE},
    catalog::{self, CATEGORIES, Platform, Product},
    dice::Dice,
    identifier::{Identifier, junk},
    outbox::{Draft, Outbox},
    person::{CustomerType, Group, Person, Sharing, device_identifier},
    wire::{Device, Fields, Item, Value},
};

const ORDERS_CORRECTED_PERCENT: u64 = 3;
const ORDERS_REFUNDED_PERCENT: u64 = 5;
const JUNK_PERCENT: u64 = 6;

/// Sends all messages of a group's customers, one customer after the other.
pub(super) fn travel(group: &Group, dice: &mut Dice, outbox: &mut Outbox) {
    match group.sharing {
        Sharing::Nothing => {}
        Sharing::Phone => outbox.counts.shared_phones += 1,
        Sharing::Tablet => outbox.counts.family_tablets += 1,
        Sharing::ShopTablet => outbox.counts.shop_tablets += 1,
        Sharing::RecycledPhone => outbox.counts.recycled_phones += 1,
    }
    for person in &group.people {
        outbox.counts.customers += 1;
        Traveler::new(person, dice, outbox).walk();
    }
}

/// A customer with the current session.
struct Traveler<'a> {
    person: &'a Person,
    dice: &'a mut Dice,
    outbox: &'a mut Outbox,
    /// For each device, whether a message has linked it to the customer.
    known: Vec<bool>,
    n_orders: u64,
    n_sessions: u64,
    membership: usize,
    at: i64,
    day: i64,
    device: usize,
    session_id: String,
    is_logged_in: bool,
    is_described: bool,
}

impl<'a> Traveler<'a> {
    fn new(person: &'a Person, dice: &'a mut Dice, outbox: &'a mut Outbox) -> Self {
        Self {
            person,
            known: vec![false; person.devices.len()],
            n_orders: 0,
            n_sessions: 0,
            membership: 0,
            at: 0,
            day: 0,
            device: 0,
            session_id: String::new(),
            is_logged_in: false,
            is_described: false,
            dice,
            outbox,
        }
    }

    fn walk(&mut self) {
        if self.person.customer_type == CustomerType::Account {
            self.sign_up();
        }
        let mut sessions: Vec<(i64, i64)> = (0..self.person.n_sessions).map(|_| self.draw_time()).collect();
        sessions.sort_unstable();
        for (place, (day, millis)) in sessions.into_iter().enumerate() {
            match self.person.customer_type {
                CustomerType::Account if place > 0 && self.person.joined < day && self.dice.percent(12) => {
                    self.visit_shop(day, millis);
                }
                CustomerType::Account => {
                    let device = self.draw_device(place == 0);
                    self.visit(day, millis, device);
                }
                CustomerType::Guest => self.visit_as_guest(day, millis, place == 0),
                CustomerType::Visitor => {
                    self.open_session(day, millis, 0);
                    self.look_around();
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------ becoming a customer

    fn sign_up(&mut self) {
        let person = self.person;
        if person.messenger_first
            && let Some(messenger) = &person.messenger
        {
            self.outbox.counts.messenger_first += 1;
            self.follow_channel(messenger);
        }
        // From morning to early evening, so that everything that follows is on the same day.
        let millis = self.dice.between(9 * HOUR, 19 * HOUR);
        let mut identifiers = vec![person.external_id()];
        identifiers.extend(person.phone(self.dice));
        identifiers.extend(person.email(0, self.dice));
        if person.messenger_first {
            identifiers.extend(person.messenger.clone());
        }
        if let Some(tablet) = &person.shop_tablet {
            self.at = self.outbox.calendar.at(person.joined, millis);
            identifiers.push(device_identifier(tablet));
            let machine = &catalog::SHOP_TABLET;
            let device = self.describe(machine, None);
            self.send(Draft {
                message_type: "event",
                source: "shop",
                platform: Some(machine.platform.as_str()),
                identifiers,
                event: Some("df_sign_up"),
                device: Some(device),
                ..Draft::default()
            });
        } else {
            if person.anonymous_first {
                self.outbox.counts.anonymous_first += 1;
                if self.dice.percent(50) {
                    let days_before = self.dice.between(1, 20);
                    let (_, millis) = self.draw_time();
                    self.open_session((person.joined - days_before).max(0), millis.min(8 * HOUR), 0);
                    self.look_around();
                }
            }
            self.open_session(person.joined, millis, 0);
            if person.anonymous_first {
                self.look_around();
            }
            identifiers.push(device_identifier(&person.devices[0].id));
            let device = self.describe(person.devices[0].machine, person.devices[0].carrier);
            let session_id = Some(self.session_id.clone());
            let platform = self.platform();
            self.pause(20_000, 180_000);
            self.send(Draft {
                message_type: "event",
                source: platform.source(),
                platform: Some(platform.as_str()),
                identifiers,
                event: Some("df_sign_up"),
                session_id,
                device: Some(device),
                ..Draft::default()
            });
            self.known[0] = true;
        }
        self.fill_in_profile();
        self.enter_into_crm();
    }

    /// A messenger reports a follower before anything else is known.
    fn follow_channel(&mut self, messenger: &Identifier) {
        let source = if messenger.kind == "kakao_id" { "kakao" } else { "line" };
        let days_before = self.dice.between(0, 30);
        let day = (self.person.joined - days_before).max(0);
        self.at = self.outbox.calendar.at(day, 8 * HOUR);
        for event in ["channel_added", "channel_message_clicked"] {
            self.pause(1_000, 30 * MINUTE);
            self.send(Draft {
                message_type: "event",
                source,
                identifiers: vec![messenger.clone()],
                event: Some(event),
                ..Draft::default()
            });
        }
    }

    fn fill_in_profile(&mut self) {
        let person = self.person;
        let name = if self.dice.percent(8) { &person.latin_name } else { &person.name };
        let mut attributes =
            Fields::from([("df_name", name.clone().into()), ("newsletter", self.dice.percent(40).into())]);
        attributes.extend(person.gender.map(|it| ("df_gender", it.into())));
        attributes.extend(person.birth.clone().map(|it| ("df_birth", it.into())));
        for (name, rate) in [
            ("df_push_optin", 75),
            ("df_push_ads_optin", 55),
            ("df_sms_ads_optin", 45),
            ("df_kakao_ads_optin", 50),
            ("df_push_night_ads_optin", 12),
        ] {
            attributes.insert(name, self.dice.percent(rate).into());
        }
        let interests = person.categories.map(|it| CATEGORIES[it].0);
        attributes
            .insert("interests", Value::List(interests[..if interests[0] == interests[1] { 1 } else { 2 }].to_vec()));
        attributes.insert("referral_channel", (*self.dice.weighted(&catalog::CHANNELS)).into());
        self.pause(5_000, 60_000);
        self.send_from_customer("identify", vec![person.external_id()], attributes);
    }

    /// The CRM knows customers by what they entered into its forms.
    fn enter_into_crm(&mut self) {
        let person = self.person;
        let mut identifiers = vec![person.external_id()];
        identifiers.extend(person.card());
        identifiers.extend(person.phone(self.dice));
        identifiers.extend(person.email(0, self.dice));
        if let Some(second) = person.phones.get(1) {
            identifiers.push(second.identifier(self.dice));
        }
        let attributes = Fields::from([
            ("df_name", person.name.clone().into()),
            ("df_membership", catalog::MEMBERSHIPS[0].into()),
            ("preferred_store", (*self.dice.pick(&catalog::STORES)).into()),
            ("points", self.dice.between(0, 50).into()),
        ]);
        self.pause(5 * MINUTE, 90 * MINUTE);
        self.note("crm", identifiers, attributes);
        if !person.messenger_first
            && let Some(messenger) = &person.messenger
        {
            self.pause(MINUTE, 60 * MINUTE);
            self.send_from_customer("alias", vec![person.external_id(), messenger.clone()], Fields::new());
        }
        if let Some(second) = person.email(1, self.dice) {
            self.pause(MINUTE, 60 * MINUTE);
            self.note("crm", vec![person.external_id(), second], Fields::new());
        }
        if self.dice.percent(JUNK_PERCENT) {
            let identifiers = vec![person.external_id(), junk(self.dice)];
            let source = if self.dice.percent(50) { "call_center" } else { "crm" };
            self.pause(MINUTE, 10 * MINUTE);
            self.note(source, identifiers, Fields::from([("last_contact", "inbound_call".into())]));
        }
    }

    /// Sends what the customer states in the app or on the site.
    fn send_from_customer(&mut self, message_type: &'static str, identifiers: Vec<Identifier>, attributes: Fields) {
        let platform = self.platform();
        let (source, platform) = (platform.source(), Some(platform.as_str()));
        self.send(Draft { message_type, source, platform, identifiers, attributes, ..Draft::default() });
    }

    /// Sends what another system states about the customer.
    fn note(&mut self, source: &'static str, identifiers: Vec<Identifier>, attributes: Fields) {
        self.send(Draft { message_type: "identify", source, identifiers, attributes, ..Draft::default() });
    }

    fn platform(&self) -> Platform {
        self.person.devices[self.device].machine.platform
    }

    // --------------------------------------------------------------------------------------------------- visits

    /// A day and the time of day in milliseconds, by season, weekday and habit.
    fn draw_time(&mut self) -> (i64, i64) {
        let person = self.person;
        let calendar = self.outbox.calendar;
        let mut day = person.joined;
        for _ in 0..20 {
            day = self.dice.between(person.joined, person.left);
            let month = calendar.date(day).month0() as usize;
            let busy = catalog::MONTHS[month] * catalog::WEEKDAYS[calendar.weekday(day) as usize];
            if self.dice.below(100 * 100) < busy {
                break;
            }
        }
        if self.dice.percent(30) {
            day = (day - calendar.weekday(day) + person.weekday).clamp(person.joined, person.left);
        }
        let hour = if self.dice.percent(50) { person.hour } else { self.dice.place(&catalog::HOURS) as i64 };
        (day, hour * HOUR + self.dice.between(0, HOUR - 1))
    }

    fn open_session(&mut self, day: i64, millis: i64, device: usize) {
        self.at = self.outbox.calendar.at(day, millis);
        self.day = day;
        self.device = device;
        self.n_sessions += 1;
        self.session_id = format!("s{}-{:07}-{:03}", self.dice.seed(), self.person.number, self.n_sessions);
        self.is_logged_in = false;
        self.is_described = false;
    }

    /// Mostly the first device. The first time the shared tablet, if any, so that it is shared in fact.
    fn draw_device(&mut self, is_first_visit: bool) -> usize {
        let devices = &self.person.devices;
        match devices.iter().position(|it| it.is_shared) {
            Some(shared) if is_first_visit => shared,
            _ if self.dice.percent(55) => 0,
            _ => self.dice.below(devices.len() as u64) as usize,
        }
    }

    /// A visit to the app or the site.
    fn visit(&mut self, day: i64, millis: i64, device: usize) {
        self.open_session(day, millis, device);
        let is_shared = self.person.devices[device].is_shared;
        let must_log_in = is_shared || !self.known[device];
        if is_shared {
            self.log_in();
        } else if must_log_in && self.dice.percent(40) {
            self.look_around();
            self.log_in();
        } else if must_log_in || self.dice.percent(72) {
            self.log_in();
        }
        self.look_around();
        if self.is_logged_in {
            self.shop();
            self.change_mind();
            if self.dice.percent(8) {
                self.event("df_logout", Fields::new());
            }
        }
    }

    fn log_in(&mut self) {
        self.is_logged_in = true;
        self.known[self.device] = true;
        self.event("df_login", Fields::new());
    }

    fn look_around(&mut self) {
        let starts_at_home = self.dice.percent(60);
        if starts_at_home {
            self.event("df_view_home", Fields::new());
        }
        match self.dice.below(10) {
            0..3 => {
                let keyword = *self.dice.pick(&catalog::KEYWORDS);
                self.event("df_view_search_result", Fields::from([("df_keyword", keyword.into())]));
            }
            3..5 => {
                let category = CATEGORIES[self.person.categories[0]].0;
                self.event("df_view_list", Fields::from([("df_category1", category.into())]));
            }
            _ => {}
        }
        let n_views = self.dice.heavy_tailed(3, 5) / 2;
        for _ in 0..n_views.max(u64::from(!starts_at_home)) {
            let item = self.item_looked_at();
            self.event("df_view_product_details", items(vec![item]));
        }
    }

    fn shop(&mut self) {
        if self.dice.percent(10) {
            let item = self.item_looked_at();
            let event = if self.dice.percent(70) { "df_add_to_wishlist" } else { "df_share_product" };
            self.event(event, items(vec![item]));
        }
        if !self.dice.percent(66) {
            return;
        }
        let lines = self.draw_lines();
        self.event("df_add_to_cart", items(lines.clone()));
        match self.dice.below(10) {
            0 => self.event("df_remove_cart", items(lines)),
            1 => self.event("df_view_cart", items(lines)),
            _ => {
                if self.dice.percent(25) {
                    self.event("df_add_payment_info", Fields::new());
                }
                let identifiers = self.session_identifiers();
                self.buy(lines, identifiers, None);
            }
        }
    }

    /// A guest's visit. The first one ends with an order, which links device, address and number.
    fn visit_as_guest(&mut self, day: i64, millis: i64, is_first: bool) {
        self.open_session(day, millis, 0);
        self.look_around();
        if is_first || self.dice.percent(25) {
            let lines = self.draw_lines();
            let mut identifiers = vec![device_identifier(&self.person.devices[0].id)];
            identifiers.extend(self.person.phone(self.dice));
            identifiers.extend(self.person.email(0, self.dice));
            self.buy(lines, identifiers, Some(self.person.name.clone()));
        }
    }

    /// A visit to a shop, where the till knows a card, a phone number or the account.
    fn visit_shop(&mut self, day: i64, millis: i64) {
        // Shops are open from 11 to 20.
        self.at = self.outbox.calendar.at(day, 11 * HOUR + millis % (9 * HOUR));
        self.day = day;
        let person = self.person;
        let identifier = match person.card() {
            Some(card) => card,
            None => {
                let phone = person.phone(self.dice).filter(|_| !person.shares_phone && self.dice.percent(50));
                phone.unwrap_or_else(|| person.external_id())
            }
        };
        let lines = self.draw_lines();
        let has_order_id = self.dice.percent(80);
        let order_id = self.next_order_id();
        let mut properties = items(lines);
        if has_order_id {
            properties.insert("df_order_id", order_id.into());
        }
        properties.insert("df_payment_method", "CREDIT_CARD".into());
        properties.insert("store", (*self.dice.pick(&catalog::STORES)).into());
        let is_sent = self.send(Draft {
            message_type: "event",
            source: "pos",
            platform: Some("API"),
            identifiers: vec![identifier],
            event: Some("df_purchase"),
            properties,
            ..Draft::default()
        });
        self.outbox.counts.orders += u64::from(is_sent);
    }

    /// Consents and membership change with time.
    fn change_mind(&mut self) {
        let person = self.person;
        if self.dice.percent(3) {
            let name = *self.dice.pick(&["df_push_optin", "df_sms_ads_optin", "df_kakao_ads_optin"]);
            let attributes = Fields::from([(name, self.dice.percent(35).into())]);
            self.pause(5_000, 60_000);
            self.send_from_customer("identify", vec![person.external_id()], attributes);
        }
        let membership = match self.n_orders {
            0..3 => 0,
            3..8 => 1,
            8..20 => 2,
            _ => 3,
        };
        if self.membership < membership {
            self.membership = membership;
            let attributes = Fields::from([
                ("df_membership", catalog::MEMBERSHIPS[membership].into()),
                ("points", (self.dice.between(10, 90) * 10 * self.n_orders as i64).into()),
            ]);
            self.pause(MINUTE, 60 * MINUTE);
            self.note("crm", vec![person.external_id()], attributes);
        }
    }

    // --------------------------------------------------------------------------------------------------- orders

    /// Sends an order; sometimes it is corrected, or a part of it comes back.
    fn buy(&mut self, lines: Vec<Item>, identifiers: Vec<Identifier>, name: Option<String>) {
        let order_id = self.next_order_id();
        let mut properties = self.receipt(&lines, &order_id);
        if let Some(name) = name {
            properties.insert("orderer_name", name.into());
        }
        self.pause(20_000, 240_000);
        if !self.send_event("df_purchase", identifiers.clone(), properties) {
            return;
        }
        self.outbox.counts.orders += 1;
        let bought_at = self.at;
        // Later messages of the back office about the order have no device.
        let known_by: Vec<Identifier> = identifiers.into_iter().filter(|it| it.kind != "device_id").collect();
        let mut lines = lines;
        if self.dice.percent(ORDERS_CORRECTED_PERCENT) {
            self.at += self.dice.between(10 * MINUTE, 2 * DAY);
            if lines.len() > 1 {
                lines.pop();
            } else if let Some(line) = lines.first_mut() {
                line.df_quantity = Some(line.df_quantity.unwrap_or(1) + 1);
            }
            let properties = self.receipt(&lines, &order_id);
            let is_sent = self.send_later("df_purchase", &known_by, properties);
            self.outbox.counts.corrections += u64::from(is_sent);
        }
        if self.dice.percent(ORDERS_REFUNDED_PERCENT)
            && let Some(line) = lines.first()
        {
            self.at += self.dice.between(DAY, 14 * DAY);
            let mut properties = items(vec![line.clone()]);
            properties.insert("df_order_id", order_id.into());
            properties.insert("df_total_refund_amount", line.amount().into());
            let is_sent = self.send_later("df_refund", &known_by, properties);
            self.outbox.counts.refunds += u64::from(is_sent);
        }
        // The session continues where it was.
        self.at = bought_at;
    }

    fn receipt(&mut self, lines: &[Item], order_id: &str) -> Fields {
        let sum: i64 = lines.iter().map(Item::amount).sum();
        let mut properties = items(lines.to_vec());
        properties.insert("df_order_id", order_id.to_owned().into());
        properties.insert("df_payment_method", (*self.dice.weighted(&catalog::PAYMENT_METHODS)).into());
        // Some sources omit the total, which is the sum of the lines.
        if self.dice.percent(4) {
            return properties;
        }
        let delivery = if sum < 30_000 { 3_000 } else { 0 };
        let coupon = if 50_000 <= sum && self.dice.percent(12) { 5_000 } else { 0 };
        properties.insert("df_total_purchase_amount", (sum + delivery - coupon).into());
        properties.insert("df_delivery_charge", delivery.into());
        if coupon > 0 {
            properties.insert("df_discount", coupon.into());
        }
        if self.dice.percent(10) {
            properties.insert("df_currency", "KRW".into());
        }
        properties
    }

    fn next_order_id(&mut self) -> String {
        self.n_orders += 1;
        let date = self.outbox.calendar.date(self.day).format("%y%m%d");
        format!("{date}-{}-{:07}-{:03}", self.dice.seed(), self.person.number, self.n_orders)
    }

    fn draw_lines(&mut self) -> Vec<Item> {
        let month = self.outbox.calendar.date(self.day).month0();
        // The sales of May, September and November.
        let discounted = if matches!(month, 4 | 8 | 10) { 30 } else { 8 };
        let n_lines = *self.dice.weighted(&[(1, 48), (2, 27), (3, 14), (4, 7), (6, 4)]);
        let mut lines: Vec<Item> = Vec::with_capacity(n_lines);
        for _ in 0..n_lines {
            let product = &catalog::PRODUCTS[self.person.draw_product(self.dice)];
            let mut line = self.item(product);
            // A source that omits the item ID.
            if self.dice.percent(2) {
                line.df_item_id = None;
            }
            let quantity = if product.in_numbers { self.dice.heavy_tailed(3, 12) as i64 } else { 1 };
            if quantity > 1 || self.dice.percent(70) {
                line.df_quantity = Some(quantity);
            }
            if self.dice.percent(discounted) {
                let full = product.price * quantity;
                let part = full * 10 * self.dice.between(1, 3) / 100;
                line.df_discount = Some(part - part % 100);
            }
            lines.push(line);
        }
        if self.dice.percent(3) {
            lines.push(Item {
                df_item_id: None,
                df_item_name: "선물 포장",
                df_price: 2_000,
                df_quantity: None,
                df_discount: None,
                df_category1: None,
                df_category2: None,
            });
        }
        lines
    }

    fn item(&self, product: &'static Product) -> Item {
        let is_second_year = self.day >= DAYS / 2;
        Item {
            df_item_id: Some(product.id),
            df_item_name: product.new_name.filter(|_| is_second_year).unwrap_or(product.name),
            df_price: product.price,
            df_quantity: None,
            df_discount: None,
            df_category1: Some(product.category1),
            df_category2: Some(product.category2),
        }
    }

    fn item_looked_at(&mut self) -> Item {
        let product = self.person.draw_product(self.dice);
        self.item(&catalog::PRODUCTS[product])
    }

    // -------------------------------------------------------------------------------------------------- sending

    /// The identifiers of a message of this session: the device, after login the account, and sometimes more.
    fn session_identifiers(&mut self) -> Vec<Identifier> {
        let person = self.person;
        let mut identifiers = vec![device_identifier(&person.devices[self.device].id)];
        if self.is_logged_in {
            identifiers.push(person.external_id());
            if self.dice.percent(12) {
                identifiers.extend(person.email(0, self.dice));
            }
            if self.dice.percent(8) {
                identifiers.extend(person.phone(self.dice));
            }
        }
        identifiers
    }

    fn event(&mut self, event: &'static str, properties: Fields) {
        let identifiers = self.session_identifiers();
        self.pause(3_000, 120_000);
        self.send_event(event, identifiers, properties);
    }

    /// Sends an event of this session; the first one describes the device.
    fn send_event(&mut self, event: &'static str, identifiers: Vec<Identifier>, properties: Fields) -> bool {
        let own = &self.person.devices[self.device];
        let (machine, carrier) = (own.machine, own.carrier);
        let device = if self.is_described { None } else { Some(self.describe(machine, carrier)) };
        self.is_described = true;
        let session_id = Some(self.session_id.clone());
        self.send(Draft {
            message_type: "event",
            source: machine.platform.source(),
            platform: Some(machine.platform.as_str()),
            identifiers,
            event: Some(event),
            properties,
            session_id,
            device,
            ..Draft::default()
        })
    }

    /// Sends what the back office states about an order.
    fn send_later(&mut self, event: &'static str, identifiers: &[Identifier], properties: Fields) -> bool {
        self.send(Draft {
            message_type: "event",
            source: "shop",
            platform: Some("API"),
            identifiers: identifiers.to_vec(),
            event: Some(event),
            properties,
            ..Draft::default()
        })
    }

    fn send(&mut self, draft: Draft) -> bool {
        self.outbox.send(self.person.number, Draft { at: self.at, ..draft }, self.dice)
    }

    fn pause(&mut self, least: i64, most: i64) {
        self.at += self.dice.between(least, most);
    }

    fn describe(&mut self, machine: &'static catalog::Machine, carrier: Option<&'static str>) -> Device {
        // One session in ten happens while traveling.
        let place = if self.dice.percent(10) { self.dice.weighted(&catalog::PLACES) } else { self.person.home };
        // Half of the browsers send only the user agent.
        let is_named = machine.user_agent.is_none() || self.dice.percent(50);
        let browser = machine.browser.filter(|_| is_named);
        // Documentation addresses, RFC 5737.
        let ip = (machine.platform == Platform::Web && self.dice.percent(20))
            .then(|| format!("203.0.113.{}", self.dice.between(1, 254)));
        Device {
            model: machine.model,
            os: is_named.then_some(machine.os),
            os_version: is_named.then_some(machine.os_version),
            browser: browser.map(|(name, _)| name),
            browser_version: browser.map(|(_, version)| version),
            carrier,
            language: self.person.language,
            time_zone: place.time_zone,
            country: place.country,
            region: place.region,
            city: place.city,
            library_platform: machine.platform.library(),
            // A release every three months.
            library_version: format!("2.{}.0", self.day / 91),
            ip,
            user_agent: machine.user_agent,
        }
    }
}

fn items(items: Vec<Item>) -> Fields {
    Fields::from([("df_items", Value::Items(items))])
}
