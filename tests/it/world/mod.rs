//! Tools that the folders of the other rooms share.

pub(crate) mod bench;
pub(crate) mod house;
pub(crate) mod office;
pub(crate) mod script;
