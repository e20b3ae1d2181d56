//! Gateways as the program uses them: [`wiring`] (settings become a provider, a ledger and routes), [`around`] (a scan's
//! gateways, from before its fan-out until after its table), [`answering`] (whether new ones answer), [`told`] (what a person sees of them), [`simulated`] (an AWS of this process),
//! [`holder`] (whether the run that has them still lives), [`kept_endpoints`] (the rows by which workers find them).
//!
//! Promise: what was begun is taken down by the same process, however the scan ends; what a dead process left is in the
//! ledger and tagged, and `optionfleet cleanup` finds it.

pub mod answering;
pub mod around;
pub mod holder;
pub mod kept_endpoints;
pub mod simulated;
pub mod told;
pub mod wiring;
