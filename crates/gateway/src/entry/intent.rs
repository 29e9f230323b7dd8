//! An intent as the log keeps it: typed, decimals as text.

use wire::model::{Intent, Modification, Operation, Order, OrderReference};

use super::Json;

pub(super) fn write(intent: &Intent, json: &mut Json<'_>) {
    match &intent.operation {
        Operation::Read { symbol } => {
            json.text("operation", "read");
            if let Some(symbol) = symbol {
                json.text("symbol", symbol);
            }
        }
        Operation::Place(group) => {
            json.text("operation", "place");
            json.text("contingency", contingency(group.contingency));
            json.flag("test", group.test);
            if let Some(id) = &group.list_client_order_id {
                json.text("list_client_order_id", id);
            }
            json.list("orders", &group.orders, order);
        }
        Operation::Amend { order, new_quantity, new_client_order_id } => {
            json.text("operation", "amend");
            json.nested("order", |json| reference(order, json));
            json.decimal("new_quantity", new_quantity);
            if let Some(id) = new_client_order_id {
                json.text("new_client_order_id", id);
            }
        }
        Operation::Modify(change) => {
            json.text("operation", "modify");
            modification(change, json);
        }
        Operation::ModifyMany(all) => {
            json.text("operation", "modify-many");
            json.list("orders", all, modification);
        }
        Operation::CancelMany(all) => {
            json.text("operation", "cancel-many");
            json.list("orders", all, reference);
        }
        Operation::CancelConditional { product, symbol, order_id, client_order_id } => {
            json.text("operation", "cancel-conditional");
            json.text("product", product.name());
            if let Some(symbol) = symbol {
                json.text("symbol", symbol);
            }
            if let Some(id) = order_id {
                json.number("order_id", *id);
            }
            if let Some(id) = client_order_id {
                json.text("client_order_id", id);
            }
        }
        Operation::SetLeverage { symbol, leverage } => {
            json.text("operation", "set-leverage");
            json.text("symbol", symbol);
            json.number("leverage", u64::from(*leverage));
        }
        Operation::ChangeMargin { symbol, amount, adds } => {
            json.text("operation", "change-margin");
            json.text("symbol", symbol);
            json.display("amount", amount);
            json.flag("adds", *adds);
        }
        Operation::Cancel(order) => {
            json.text("operation", "cancel");
            json.nested("order", |json| reference(order, json));
        }
        Operation::CancelList { symbol, order_list_id, list_client_order_id } => {
            json.text("operation", "cancel-list");
            json.text("symbol", symbol);
            if let Some(id) = order_list_id {
                json.number("order_list_id", *id);
            }
            if let Some(id) = list_client_order_id {
                json.text("list_client_order_id", id);
            }
        }
        Operation::CancelAll { symbol } => {
            json.text("operation", "cancel-all");
            json.text("symbol", symbol);
        }
        Operation::CancelEverything => json.text("operation", "cancel-everything"),
        Operation::CancelReplace(both) => {
            json.text("operation", "cancel-replace");
            json.nested("cancel", |json| reference(&both.cancel, json));
            json.nested("place", |json| order(&both.place, json));
            json.flag("allow_failure", both.allow_failure);
        }
        Operation::Withdraw(withdrawal) => {
            json.text("operation", "withdraw");
            json.text("asset", &withdrawal.asset);
            json.text("network", &withdrawal.network);
            json.text("address", &withdrawal.address);
            if let Some(memo) = &withdrawal.memo {
                json.text("memo", memo);
            }
            json.decimal("amount", &withdrawal.amount);
            if let Some(id) = &withdrawal.client_withdrawal_id {
                json.text("client_withdrawal_id", id);
            }
        }
        Operation::Transfer(transfer) => {
            json.text("operation", "transfer");
            json.text("asset", &transfer.asset);
            json.decimal("amount", &transfer.amount);
            json.text("direction", &transfer.direction);
        }
        Operation::Other(movement) => {
            json.text("operation", "other");
            if let Some(asset) = &movement.asset {
                json.text("asset", asset);
            }
            if let Some(amount) = &movement.amount {
                json.decimal("amount", amount);
            }
        }
    }
}

pub(super) const fn contingency(contingency: wire::model::Contingency) -> &'static str {
    use wire::model::Contingency as C;
    match contingency {
        C::Single => "single",
        C::OneCancelsOther => "one-cancels-other",
        C::OneTriggersOther => "one-triggers-other",
        C::OneTriggersOneCancelsOther => "one-triggers-one-cancels-other",
        C::Batch => "batch",
    }
}

fn order(order: &Order, json: &mut Json<'_>) {
    json.text("symbol", &order.symbol);
    json.text("side", order.side.name());
    json.text("type", order.kind.name());
    let decimals = [
        ("quantity", &order.quantity),
        ("quote_quantity", &order.quote_quantity),
        ("price", &order.price),
        ("stop_price", &order.stop_price),
        ("iceberg_quantity", &order.iceberg_quantity),
    ];
    for (name, value) in decimals {
        if let Some(value) = value {
            json.decimal(name, value);
        }
    }
    if let Some(bps) = order.trailing_delta_bps {
        json.number("trailing_delta_bps", u64::from(bps));
    }
    if let Some(time) = order.time_in_force {
        use wire::model::TimeInForce as T;
        json.text(
            "time_in_force",
            match time {
                T::GoodTillCancel => "GTC",
                T::ImmediateOrCancel => "IOC",
                T::FillOrKill => "FOK",
                T::GoodTillDate => "GTD",
                T::PostOnly => "GTX",
            },
        );
    }
    if let Some(id) = &order.client_order_id {
        json.text("client_order_id", id);
    }
    if order.reduce_only {
        json.flag("reduce_only", true);
    }
    if let Some(side) = order.position_side {
        json.text("position_side", side.name());
    }
    if order.close_position {
        json.flag("close_position", true);
    }
}

fn modification(change: &Modification, json: &mut Json<'_>) {
    json.nested("order", |json| reference(&change.order, json));
    let decimals = [
        ("new_quantity", &change.new_quantity),
        ("new_price", &change.new_price),
        ("new_stop_price", &change.new_stop_price),
    ];
    for (name, value) in decimals {
        if let Some(value) = value {
            json.display(name, value);
        }
    }
    if let Some(bps) = change.new_trailing_delta_bps {
        json.number("new_trailing_delta_bps", u64::from(bps));
    }
}

fn reference(order: &OrderReference, json: &mut Json<'_>) {
    json.text("symbol", &order.symbol);
    if let Some(id) = order.order_id {
        json.number("order_id", id);
    }
    if let Some(id) = &order.client_order_id {
        json.text("client_order_id", id);
    }
}
