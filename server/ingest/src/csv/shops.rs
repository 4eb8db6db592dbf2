//! The exports of shops, known by their headings.

use super::about::About;

/// A table that a shop system writes.
pub(super) struct Shop {
    /// The name of the export.
    pub name: &'static str,
    pub source: &'static str,
    /// Sets of headings; a table of this shop has all of one set.
    signs: &'static [&'static [&'static str]],
    /// The meanings of its columns; of several headings the first that is present counts.
    columns: &'static [(About, &'static [&'static str])],
    /// Values by column whose rows are not purchases.
    leave_out: &'static [(&'static str, &'static [&'static str])],
    /// Other columns are attributes of the customer. Those of orders are too many and are left out.
    pub keeps_rest: bool,
}

const EXTERNAL_ID: About = About::Identifier("external_id");
const EMAIL: About = About::Identifier("email");
const PHONE: About = About::Identifier("phone");
const ORDER_ID: About = About::Order("df_order_id");
const TOTAL: About = About::Order("df_total_purchase_amount");
const CURRENCY: About = About::Order("df_currency");
const PAYMENT: About = About::Order("df_payment_method");
const ITEM_ID: About = About::Item("df_item_id");
const ITEM_NAME: About = About::Item("df_item_name");
const PRICE: About = About::Item("df_price");
const QUANTITY: About = About::Item("df_quantity");
const DISCOUNT: About = About::Item("df_discount");
const LINE_AMOUNT: About = About::Item("df_line_amount");
const CATEGORY: About = About::Item("df_category1");

const SHOPS: [Shop; 11] = [
    Shop {
        name: "orders of Shopify",
        source: "shopify",
        signs: &[&["Name", "Lineitem name", "Lineitem quantity"]],
        columns: &[
            (ORDER_ID, &["Name"]),
            (About::Time, &["Created at", "Paid at"]),
            (EMAIL, &["Email"]),
            (PHONE, &["Phone"]),
            (About::Name, &["Billing Name"]),
            (TOTAL, &["Total"]),
            (CURRENCY, &["Currency"]),
            (PAYMENT, &["Payment Method"]),
            (ITEM_ID, &["Lineitem sku"]),
            (ITEM_NAME, &["Lineitem name"]),
            (PRICE, &["Lineitem price"]),
            (QUANTITY, &["Lineitem quantity"]),
            (DISCOUNT, &["Lineitem discount"]),
        ],
        leave_out: &[("Cancelled at", &["*"]), ("Financial Status", &["voided", "refunded", "expired"])],
        keeps_rest: false,
    },
    Shop {
        name: "customers of Shopify",
        source: "shopify",
        signs: &[
            &["First Name", "Last Name", "Email", "Accepts Email Marketing"],
            &["First Name", "Last Name", "Email", "Accepts Marketing"],
            &["First Name", "Last Name", "Email", "Total Spent"],
        ],
        columns: &[
            (EXTERNAL_ID, &["Customer ID"]),
            (EMAIL, &["Email"]),
            (PHONE, &["Phone"]),
            (About::First, &["First Name"]),
            (About::Last, &["Last Name"]),
            (About::Consent("df_sms_ads_optin"), &["Accepts SMS Marketing"]),
        ],
        leave_out: &[],
        keeps_rest: true,
    },
    Shop {
        name: "orders of WooCommerce",
        source: "woocommerce",
        signs: &[
            &["Order Number", "Order Status", "Email (Billing)"],
            &["Order ID", "Order Status", "Email (Billing)"],
            &["order_id", "order_date", "billing_email"],
            &["order_number", "order_date", "billing_email"],
            &["Order ID", "Order Date", "Billing Email Address"],
        ],
        columns: &[
            (ORDER_ID, &["Order Number", "order_number", "Order ID", "order_id"]),
            (
                About::Time,
                &[
                    "Order Date",
                    "order_date",
                    "Date Created",
                    "date_created",
                    "Paid Date",
                    "paid_date",
                    "Completed Date",
                ],
            ),
            (EXTERNAL_ID, &["Customer User ID", "Customer ID", "customer_id", "customer_user", "User ID"]),
            (EMAIL, &["Email (Billing)", "billing_email", "Billing Email Address", "customer_email"]),
            (PHONE, &["Phone (Billing)", "billing_phone", "Billing Phone"]),
            (About::First, &["First Name (Billing)", "billing_first_name", "Billing First Name"]),
            (About::Last, &["Last Name (Billing)", "billing_last_name", "Billing Last Name"]),
            (About::Name, &["Full Name (Billing)", "Name (Billing)"]),
            (TOTAL, &["Order Total Amount", "Order Total", "order_total", "Grand Total"]),
            (CURRENCY, &["Order Currency", "order_currency", "Currency", "currency"]),
            (PAYMENT, &["Payment Method Title", "payment_method_title", "Payment Method", "payment_method"]),
            (ITEM_ID, &["SKU", "item_sku", "Product Id", "item_product_id", "Item ID"]),
            (ITEM_NAME, &["Item Name", "item_name", "Product Name", "line_item_name"]),
            (PRICE, &["Item Cost", "item_price", "Item Price"]),
            (QUANTITY, &["Quantity (- Refund)", "Quantity", "item_quantity", "Item Quantity", "Item Qty"]),
            (LINE_AMOUNT, &["Order Line Total", "Item Total Amount", "item_total", "Item Subtotal"]),
            (CATEGORY, &["Category", "item_category"]),
        ],
        leave_out: &[
            (
                "Order Status",
                &["cancelled", "failed", "refunded", "draft", "trash", "wc-cancelled", "wc-failed", "wc-refunded"],
            ),
            (
                "status",
                &["cancelled", "failed", "refunded", "draft", "trash", "wc-cancelled", "wc-failed", "wc-refunded"],
            ),
            (
                "order_status",
                &["cancelled", "failed", "refunded", "draft", "trash", "wc-cancelled", "wc-failed", "wc-refunded"],
            ),
        ],
        keeps_rest: false,
    },
    Shop {
        name: "customers of WooCommerce",
        source: "woocommerce",
        signs: &[
            &["Username", "Last Active", "Sign Up", "Email"],
            &["Username", "Last Active", "Date Registered", "Email"],
            &["customer_id", "date_registered", "email"],
            &["user_login", "user_email", "user_registered"],
        ],
        columns: &[
            (EXTERNAL_ID, &["customer_id", "ID", "Username", "user_login"]),
            (EMAIL, &["Email", "user_email"]),
            (PHONE, &["billing_phone", "Phone"]),
            (About::Name, &["Name", "display_name"]),
            (About::First, &["first_name"]),
            (About::Last, &["last_name"]),
            (About::Time, &["Last Active", "Sign Up", "date_registered", "Date Registered", "user_registered"]),
        ],
        leave_out: &[],
        keeps_rest: true,
    },
    Shop {
        name: "orders of Cafe24",
        source: "cafe24",
        signs: &[
            &["주문번호", "품목별 주문번호"],
            &["주문번호", "상품품목코드"],
            &["주문번호", "주문자 ID", "주문상품명"],
        ],
        columns: &[
            (ORDER_ID, &["주문번호"]),
            (About::Time, &["결제일시(입금확인일)", "주문일시", "결제일시", "주문일", "발주일"]),
            (EXTERNAL_ID, &["주문자 ID", "주문자ID", "주문자 아이디", "회원아이디", "회원 아이디"]),
            (EMAIL, &["주문자 이메일", "주문자이메일"]),
            (PHONE, &["주문자 휴대전화", "주문자 휴대전화번호", "주문자 휴대폰", "주문자 핸드폰"]),
            (About::Name, &["주문자명", "주문자 이름"]),
            (About::Membership, &["회원등급", "주문자 회원등급", "주문 시 회원등급"]),
            (TOTAL, &["총 실결제금액(최초정보)", "총 실결제금액", "총 결제금액", "총 주문금액", "총 주문 금액"]),
            (PAYMENT, &["결제수단"]),
            (ITEM_ID, &["상품코드", "상품번호", "상품품목코드", "자체 상품코드"]),
            (ITEM_NAME, &["상품명(한국어 쇼핑몰)", "상품명", "주문상품명", "상품명(기본)"]),
            (PRICE, &["판매가", "상품 판매가"]),
            (QUANTITY, &["수량", "주문수량"]),
            (LINE_AMOUNT, &["상품구매금액", "상품 구매금액"]),
        ],
        leave_out: &[
            (
                "주문상태",
                &[
                    "취소",
                    "취소완료",
                    "취소 완료",
                    "반품",
                    "반품완료",
                    "반품 완료",
                    "환불",
                    "환불완료",
                    "환불 완료",
                    "입금전",
                    "입금전 취소",
                ],
            ),
            (
                "주문 상태",
                &[
                    "취소",
                    "취소완료",
                    "취소 완료",
                    "반품",
                    "반품완료",
                    "반품 완료",
                    "환불",
                    "환불완료",
                    "환불 완료",
                    "입금전",
                    "입금전 취소",
                ],
            ),
        ],
        keeps_rest: false,
    },
    Shop {
        name: "members of Cafe24",
        source: "cafe24",
        signs: &[
            &["아이디", "회원등급"],
            &["아이디", "회원 가입일"],
            &["회원등급", "회원 가입일"],
            &["아이디", "휴대폰번호", "이메일"],
        ],
        columns: &[
            (EXTERNAL_ID, &["아이디", "회원아이디"]),
            (EMAIL, &["이메일"]),
            (PHONE, &["휴대폰번호", "휴대전화", "휴대전화번호", "휴대폰"]),
            (About::Name, &["이름", "회원명"]),
            (About::Gender, &["성별"]),
            (About::Birth, &["생년월일", "생일"]),
            (About::Membership, &["회원등급"]),
            (About::Consent("df_sms_ads_optin"), &["SMS 수신여부", "SMS수신여부", "SMS 수신동의", "SMS수신동의"]),
            (About::Time, &["회원 가입일", "회원가입일", "가입일", "최종접속일"]),
        ],
        leave_out: &[],
        keeps_rest: true,
    },
    Shop {
        name: "orders of Naver Smartstore",
        source: "smartstore",
        signs: &[&["상품주문번호", "주문번호", "구매자명"], &["상품주문번호", "주문번호", "구매자연락처"]],
        columns: &[
            (ORDER_ID, &["주문번호"]),
            (About::Time, &["결제일", "결제일시", "주문일시", "주문일"]),
            (PHONE, &["구매자연락처", "(구매자연락처)"]),
            (About::Name, &["구매자명"]),
            (PAYMENT, &["결제수단"]),
            (ITEM_ID, &["상품번호", "판매자 상품코드"]),
            (ITEM_NAME, &["상품명"]),
            (PRICE, &["상품가격"]),
            (QUANTITY, &["수량"]),
            (LINE_AMOUNT, &["최종 상품별 총 주문금액", "상품별 총 주문금액"]),
        ],
        leave_out: &[("주문상태", &["취소", "취소완료", "반품", "반품완료", "미결제취소", "결제대기", "직권취소"])],
        keeps_rest: false,
    },
    Shop {
        name: "orders of Magento",
        source: "magento",
        signs: &[
            &["Purchase Date", "Bill-to Name", "Grand Total (Purchased)"],
            &["increment_id", "created_at", "grand_total", "customer_email"],
        ],
        columns: &[
            (ORDER_ID, &["ID", "increment_id"]),
            (About::Time, &["Purchase Date", "created_at"]),
            (EXTERNAL_ID, &["customer_id"]),
            (EMAIL, &["Customer Email", "customer_email"]),
            (PHONE, &["Phone Number", "Phone", "Telephone"]),
            (About::Name, &["Customer Name", "Bill-to Name"]),
            (About::First, &["customer_firstname"]),
            (About::Last, &["customer_lastname"]),
            (TOTAL, &["Grand Total (Purchased)", "grand_total"]),
            (CURRENCY, &["order_currency_code"]),
            (PAYMENT, &["Payment Method"]),
        ],
        leave_out: &[
            ("Status", &["canceled", "closed", "holded", "on hold", "suspected fraud"]),
            ("status", &["canceled", "closed"]),
        ],
        keeps_rest: false,
    },
    Shop {
        name: "customers of Magento",
        source: "magento",
        signs: &[
            &["Customer Since", "Email", "Group"],
            &["email", "_website", "firstname"],
            &["email", "_website", "_store"],
        ],
        columns: &[
            (EXTERNAL_ID, &["ID", "entity_id"]),
            (EMAIL, &["Email"]),
            (PHONE, &["Phone", "telephone"]),
            (About::Name, &["Name"]),
            (About::First, &["firstname"]),
            (About::Last, &["lastname"]),
            (About::Gender, &["Gender"]),
            (About::Birth, &["Date of Birth", "dob"]),
            (About::Time, &["updated_at", "Customer Since", "created_at"]),
        ],
        leave_out: &[],
        keeps_rest: true,
    },
    Shop {
        name: "orders of EC-CUBE",
        source: "ec-cube",
        signs: &[
            &["注文ID", "会員ID", "支払合計"],
            &["注文番号", "会員ID", "支払合計"],
            &["注文番号", "お名前(姓)", "商品名"],
        ],
        columns: &[
            (ORDER_ID, &["注文番号", "注文ID"]),
            (About::Time, &["受注日", "注文日時", "注文日"]),
            (EXTERNAL_ID, &["会員ID"]),
            (EMAIL, &["メールアドレス"]),
            (PHONE, &["TEL", "電話番号"]),
            (About::First, &["お名前(名)"]),
            (About::Last, &["お名前(姓)"]),
            (About::Gender, &["性別(名称)", "性別"]),
            (About::Birth, &["誕生日", "生年月日"]),
            (TOTAL, &["支払合計"]),
            (PAYMENT, &["支払方法(名称)", "支払方法"]),
            (ITEM_ID, &["商品コード", "商品ID"]),
            (ITEM_NAME, &["商品名"]),
            (PRICE, &["価格"]),
            (QUANTITY, &["個数", "数量"]),
        ],
        leave_out: &[
            ("対応状況(名称)", &["注文取消し", "キャンセル", "返品", "決済処理中", "購入処理中"]),
            ("明細区分(名称)", &["送料", "手数料", "割引", "税", "ポイント"]),
        ],
        keeps_rest: false,
    },
    Shop {
        name: "customers of EC-CUBE",
        source: "ec-cube",
        signs: &[&["会員ID", "お名前(姓)", "メールアドレス"]],
        columns: &[
            (EXTERNAL_ID, &["会員ID"]),
            (EMAIL, &["メールアドレス"]),
            (PHONE, &["TEL", "電話番号"]),
            (About::First, &["お名前(名)"]),
            (About::Last, &["お名前(姓)"]),
            (About::Gender, &["性別(名称)", "性別"]),
            (About::Birth, &["誕生日", "生年月日"]),
            (About::Time, &["更新日", "登録日"]),
        ],
        leave_out: &[],
        keeps_rest: true,
    },
];

/// The shop whose exports have such columns.
pub(super) fn shop_of(columns: &[String]) -> Option<&'static Shop> {
    let bare: Vec<String> = columns.iter().map(|it| bare(it)).collect();
    let has_all = |signs: &&[&str]| signs.iter().all(|sign| bare.contains(&self::bare(sign)));
    SHOPS.iter().find(|shop| shop.signs.iter().any(has_all))
}

impl Shop {
    /// The meaning of each column.
    pub(super) fn abouts(&self, columns: &[String]) -> Vec<About> {
        let rest = if self.keeps_rest { About::Custom } else { About::Nowhere };
        let mut abouts = vec![rest; columns.len()];
        for (about, headings) in self.columns {
            let place = |heading: &&str| columns.iter().position(|it| bare(it) == bare(heading));
            if let Some(place) = headings.iter().find_map(place) {
                abouts[place] = *about;
            }
        }
        abouts
    }

    /// The columns whose values leave out rows.
    pub(super) fn leave_out<'c>(&self, columns: &'c [String]) -> Vec<(&'c String, &'static [&'static str])> {
        let found = |(heading, words): &(&str, &'static [&'static str])| {
            Some((columns.iter().find(|it| bare(it) == bare(heading))?, *words))
        };
        let mut found: Vec<_> = self.leave_out.iter().filter_map(found).collect();
        found.dedup_by_key(|(column, _)| *column);
        found
    }
}

/// A heading in lower case, with only its letters and digits, and without a currency at the end.
pub(super) fn bare(heading: &str) -> String {
    let bare: String = heading.to_lowercase().chars().filter(|it| it.is_alphanumeric()).collect();
    bare.strip_suffix("krw").filter(|it| !it.is_empty()).map_or(bare.clone(), str::to_owned)
}
