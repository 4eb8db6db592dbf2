"""What each SDK sends of one customer."""

from datetime import datetime, timezone

AT = datetime(2026, 1, 10, 3, tzinfo=timezone.utc)
LATER = datetime(2026, 1, 11, 3, tzinfo=timezone.utc)


def send(sdk, customer):
    """Sends it, and waits until it is sent."""
    device, order = f"a-{customer}", f"o-{customer}"
    sdk.page(anonymous_id=device, name="Home", timestamp=AT)
    phone = f"010-1234-{1000 + len(customer)}"
    traits = {"name": "한지우", "email": f"{customer}@example.com", "phone": phone, "plan": "gold", "tier": 3}
    sdk.identify(customer, anonymous_id=device, traits={**traits, "address": {"city": "서울"}}, timestamp=AT)
    sdk.identify(customer, traits={"tier": None, "address": {"city": None}}, timestamp=LATER)
    products = [{"product_id": "p-1", "name": "드립백 커피", "category": "식품", "price": 12500, "quantity": 2}]
    bought = {"order_id": order, "total": 25000, "currency": "KRW", "products": products}
    sdk.track(customer, "Order Completed", bought, timestamp=AT)
    sdk.track(customer, "Order Refunded", {"order_id": order, "total": 5000}, timestamp=LATER)
    sdk.screen(customer, name="Cart", timestamp=AT)
    sdk.alias(device, customer, timestamp=AT)
    sdk.group(customer, "g-1", {"name": "Acme"}, timestamp=AT)
    sdk.shutdown()
