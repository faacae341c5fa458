use std::{any::Any, net::IpAddr};

use cel_core::{MessageValue, Value};

/// The name of the type inside expressions.
pub(super) const TYPE_NAME: &str = "IPAddress";

/// An IP address as a value of its own type: it equals no string, and only `in_cidr` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) IpAddr);

impl Address {
    pub(super) fn of(value: &Value) -> Option<IpAddr> {
        let Value::Message(message) = value else { return None };
        message.as_any().downcast_ref::<Self>().map(|address| address.0)
    }
}

impl MessageValue for Address {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn eq_message(&self, other: &dyn MessageValue) -> bool {
        other.as_any().downcast_ref::<Self>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn clone_boxed(&self) -> Box<dyn MessageValue> {
        Box::new(self.clone())
    }
}

/// Whether the network contains the address. One of IPv4 is in no network of IPv6, mapped or not.
pub(super) fn in_network(address: IpAddr, network: &str) -> Result<bool, String> {
    let invalid = || format!("`{network}` is no network: one looks like `10.0.0.0/8`");
    let (base, length) = network.split_once('/').ok_or_else(invalid)?;
    let plain = !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit());
    if !plain || (length.len() > 1 && length.starts_with('0')) {
        return Err(invalid());
    }
    let base: IpAddr = base.parse().map_err(|_| invalid())?;
    let length: u32 = length.parse().map_err(|_| invalid())?;
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) if length <= 32 => {
            Ok((base.to_bits() ^ address.to_bits()).checked_shr(32 - length).unwrap_or(0) == 0)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) if length <= 128 => {
            Ok((base.to_bits() ^ address.to_bits()).checked_shr(128 - length).unwrap_or(0) == 0)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) if length <= 32 => Ok(false),
        (IpAddr::V6(_), IpAddr::V4(_)) if length <= 128 => Ok(false),
        _ => Err(invalid()),
    }
}
