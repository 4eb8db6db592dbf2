//! Turns the events of Segment's e-commerce specification into those of this server.

use serde_json::value::RawValue;

use crate::http::raw_json::{Json, rename, text};

/// Events of the specification, and their names here. Other events keep their names.
const EVENTS: [(&str, &str); 20] = [
    ("Order Completed", "df_purchase"),
    ("Order Refunded", "df_refund"),
    ("Order Cancelled", "df_refund"),
    ("Product Viewed", "df_view_product_details"),
    ("Product Added", "df_add_to_cart"),
    ("Product Removed", "df_remove_cart"),
    ("Product Added to Wishlist", "df_add_to_wishlist"),
    ("Product Shared", "df_share_product"),
    ("Product List Viewed", "df_view_list"),
    ("Products Searched", "df_view_search_result"),
    ("Cart Viewed", "df_view_cart"),
    ("Payment Info Entered", "df_add_payment_info"),
    ("Signed Up", "df_sign_up"),
    ("Account Created", "df_sign_up"),
    ("Signed In", "df_login"),
    ("Logged In", "df_login"),
    ("Signed Out", "df_logout"),
    ("Logged Out", "df_logout"),
    ("Completed Order", "df_purchase"),
    ("Refunded Order", "df_refund"),
];

/// Properties of an order, and their names here.
const OF_ORDER: [(&str, &str); 6] = [
    ("order_id", "df_order_id"),
    ("refund_id", "df_refund_id"),
    ("currency", "df_currency"),
    ("shipping", "df_delivery_charge"),
    ("discount", "df_discount"),
    ("payment_method", "df_payment_method"),
];

/// Properties of a product, and their names here; of several for one name the first that is present counts.
const OF_PRODUCT: [(&str, &str); 7] = [
    ("product_id", "df_item_id"),
    ("sku", "df_item_id"),
    ("name", "df_item_name"),
    ("price", "df_price"),
    ("quantity", "df_quantity"),
    ("discount", "df_discount"),
    ("category", "df_category1"),
];

/// The name and the properties of an event. Other properties keep their names.
pub(super) fn event_of<'c>(name: Option<&'c RawValue>, mut properties: Json<'c>) -> (Option<Json<'c>>, Json<'c>) {
    let said = name.and_then(text);
    let known = said.and_then(|name| EVENTS.iter().find(|(it, _)| it.eq_ignore_ascii_case(name.trim())));
    let Some((_, known)) = known else { return (name.map(Json::Sent), properties) };
    // The total is what the customer paid. Revenue excludes shipping and tax, and some shops send nothing else.
    let total = match *known {
        "df_purchase" => Some("df_total_purchase_amount"),
        "df_refund" => Some("df_total_refund_amount"),
        _ => None,
    };
    if let Json::Object(properties) = &mut properties {
        if let Some(total) = total {
            rename(properties, &OF_ORDER);
            rename(properties, &[("total", total), ("revenue", total), ("value", total)]);
        }
        let has_items = properties.iter().any(|(name, _)| name == "df_items");
        for (name, value) in properties {
            let Json::Sent(products) = value else { continue };
            if name == "products" && !has_items && products.get() != "null" {
                *name = "df_items".into();
                *value = items_of(products);
            }
        }
    }
    (Some(Json::of_text(*known)), properties)
}

/// The items of an order. A value that is not a list stays in the message, whose parser reports it.
fn items_of(products: &RawValue) -> Json<'_> {
    let Ok(products) = serde_json::from_str::<Vec<&RawValue>>(products.get()) else { return Json::Sent(products) };
    let items = products.into_iter().map(|product| {
        let mut item = Json::opened(product);
        if let Json::Object(fields) = &mut item {
            rename(fields, &OF_PRODUCT);
        }
        item
    });
    Json::List(items.collect())
}
