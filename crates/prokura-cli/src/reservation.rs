//! `prokura reservation`

use clap::{Args, Subcommand};
use prokura_api::{CommitReservation, ReasonOnly};
use prokura_model::Amount;
use serde_json::{Map, Value};

use crate::{arguments::Ended, failure::Failure, output::fields, session::Session};

#[derive(Debug, Subcommand)]
pub(crate) enum ReservationCommand {
    Commit(Commit),
    Release(Release),
}

/// Take for good what a reservation holds
#[derive(Args, Debug)]
pub(crate) struct Commit {
    /// The decision that reserved it
    reservation: String,
    /// An argument that came out smaller: `amount=12.5`; may be repeated
    #[arg(long, value_name = "ARGUMENT=AMOUNT", value_parser = amount)]
    amount: Vec<(String, Amount)>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Give back what a reservation holds
#[derive(Args, Debug)]
pub(crate) struct Release {
    /// The decision that reserved it
    reservation: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn amount(text: &str) -> Result<(String, Amount), String> {
    let (argument, amount) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is not of the shape `ARGUMENT=AMOUNT`"))?;
    let amount =
        amount.parse::<Amount>().map_err(|fault| format!("`{amount}` is no amount, such as `12.5`: {fault}"))?;
    Ok((argument.to_owned(), amount))
}

impl ReservationCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let (answer, id) = match self {
            Self::Commit(Commit { reservation, amount, reason }) => {
                let amounts = amount.into_iter().map(|(name, amount)| (name, Value::String(amount.to_string())));
                let arguments: Map<String, Value> = amounts.collect();
                (
                    session.client.commit_reservation(&reservation, &CommitReservation { arguments, reason }).await,
                    reservation,
                )
            }
            Self::Release(Release { reservation, reason }) => {
                (session.client.release_reservation(&reservation, &ReasonOnly { reason }).await, reservation)
            }
        };
        let receipt = answer.map_err(|error| session.failure(&error))?;
        session.out.show(&receipt, |receipt| {
            fields(&[("reservation", id.clone()), ("revision", receipt.revision.to_string())])
        })?;
        Ok(Ended::Done)
    }
}
