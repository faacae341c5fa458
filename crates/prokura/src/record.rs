//! Finding recorded decisions again.

use prokura_model::{DecisionId, DecisionRecord, TenantName, decode_record};
use prokura_store::{ReadError, Record};

use crate::{
    AskError, DecisionFilter, DecisionPage, Page,
    limits::{DECISION_PAGE_BYTES_MAX, DECISIONS_SCANNED_MAX},
    shared::Shared,
};

/// Records lie in the order in which they were put in line, which is nearly that of their times: deciding takes a while,
/// and not always the same. A search by time goes on this much further, far beyond what any decision takes.
const OUT_OF_ORDER_MS: u64 = 600_000;

/// What a cursor begins with, so that one of another list is not taken for a place in this one.
const CURSOR: &str = "d-";

pub(crate) fn decisions(
    shared: &Shared,
    tenant: &TenantName,
    filter: &DecisionFilter,
    page: &Page,
) -> Result<DecisionPage, AskError> {
    page.check()?;
    let before = page.after.as_deref().map(place).transpose()?;
    shared.records.flush()?;
    let newest_first = shared.decisions.newest_first(tenant, before).map_err(|error| match error {
        ReadError::CursorUnknown { .. } => AskError::CursorInvalid(page.after.clone().unwrap_or_default()),
        other => other.into(),
    })?;
    let mut found = DecisionPage::default();
    let mut bytes = 0_usize;
    for (scanned, next) in newest_first.enumerate() {
        let (place, record) = next?;
        if filter.from.is_some_and(|from| record.time.plus_ms(OUT_OF_ORDER_MS) < from) {
            return Ok(found);
        }
        let size = record.payload.len();
        let record = decode(&record)?;
        if filter.matches(&record) {
            bytes += size;
            found.records.push(record);
        }
        if found.records.len() == page.size || bytes >= DECISION_PAGE_BYTES_MAX || scanned + 1 == DECISIONS_SCANNED_MAX
        {
            found.next = Some(format!("{CURSOR}{place}"));
            return Ok(found);
        }
    }
    Ok(found)
}

pub(crate) fn decision(
    shared: &Shared,
    tenant: &TenantName,
    id: &DecisionId,
) -> Result<Option<DecisionRecord>, AskError> {
    shared.records.flush()?;
    shared.decisions.by_id(tenant, id)?.map(|(_, record)| decode(&record)).transpose()
}

fn decode(record: &Record) -> Result<DecisionRecord, AskError> {
    Ok(decode_record(&record.payload)?)
}

fn place(cursor: &str) -> Result<u64, AskError> {
    cursor
        .strip_prefix(CURSOR)
        .and_then(|place| place.parse().ok())
        .ok_or_else(|| AskError::CursorInvalid(cursor.to_owned()))
}
