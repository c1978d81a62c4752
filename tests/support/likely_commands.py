"""What a shop does with an order, at random."""


def likely_command(rng, new, path, status):
    """The path and body of something that a shop might do now; now and then of something that it may not.

    `new(prefix)` makes an id that nobody had before.
    """
    n, units = rng.randint(1, 4), [{"line_id": "L1", "quantity": rng.randint(1, 3)}]
    amount = rng.choice([1_000, 50_000, 118_000])
    payment = {"payment_id": f"p{n}", "amount": amount, "currency": "EUR", "method": "card"}
    always = [
        ("notes", {"body": new("note")}),
        ("payments", payment),
        ("lines/L1/cancel", {"quantity": 1, "reason": "inventory"}),
        ("place", {}),
    ]
    add = {"action": "add_line", "sku": new("S"), "name": "Tee", "quantity": 1, "unit_price_amount": 500}
    likely = {
        "draft": [("place", {}), ("amend", {"actions": [add]})],
        "placed": [("confirm", {}), ("confirm", {}), ("amend", {"actions": [add]})],
        "confirmed": [
            ("payments", payment | {"capture": True}),
            (f"payments/p{n}/captures", {"capture_id": new("c"), "amount": 700}),
            ("shipments", {"lines": units, "dispatch": rng.random() < 0.5}),
            ("shipments", {"shipment_id": f"S{n}", "lines": units}),
            (f"shipments/S{n}/dispatch", {}),
            (f"shipments/S{n}/deliver", {}),
            ("refunds", {"payment_id": f"p{n}", "amount": 10, "reason": "goodwill"}),
            ("returns", {"lines": [line | {"reason": "damaged"} for line in units]}),
        ],
    }.get(status, [])
    if rng.random() < 0.02:
        likely = [("cancel", {"reason": "customer"})]
    name, body = rng.choice(likely * 3 + always)
    return f"{path}/{name}", body
