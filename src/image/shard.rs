//! The images of a catalog dealt out among machines that build a part each.
//!
//! Images of one repository stay together, as their tags share most layers. Repositories are dealt out one by one,
//! the most expensive first, each to the shard that then has least to do; a package that a shard has to convert
//! already costs it nothing more. So each machine finds the same shards by itself, from the locks alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::digest::Sha256;

/// What one image of one architecture costs besides the conversion of its packages, in the same unit: bytes that are
/// unpacked, hashed and packed again.
const IMAGE: u64 = 1 << 20;

/// `3/8`: the third of eight parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From zero.
    index: usize,
    count: usize,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write which one, and of how many: `3/8`")]
pub struct InvalidShard;

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let (number, count) = text.split_once('/').ok_or(InvalidShard)?;
        let (number, count): (u16, u16) =
            (number.parse().map_err(|_| InvalidShard)?, count.parse().map_err(|_| InvalidShard)?);
        match (1..=count).contains(&number) {
            true => Ok(Self { index: usize::from(number) - 1, count: usize::from(count) }),
            false => Err(InvalidShard),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

/// What stays together, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot<'a, T> {
    /// `cc-debian13`.
    pub name: String,
    pub images: Vec<&'a T>,
    /// How many images of one architecture there are.
    pub platforms: u64,
    /// What has to be converted for them, by its digest, and what that costs.
    pub inputs: BTreeMap<Sha256, u64>,
}

impl<T> Lot<'_, T> {
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, images: Vec::new(), platforms: 0, inputs: BTreeMap::new() }
    }
}

#[derive(Default)]
struct Load {
    inputs: BTreeSet<Sha256>,
    cost: u64,
}

impl Load {
    /// What a lot adds.
    fn more(&self, inputs: &BTreeMap<Sha256, u64>, platforms: u64) -> u64 {
        let new = inputs.iter().filter(|(input, _)| !self.inputs.contains(*input));
        platforms * IMAGE + new.map(|(_, cost)| cost).sum::<u64>()
    }
}

impl Shard {
    /// The images of this shard, in the order of their lots' names.
    #[must_use]
    pub fn images<'a, T>(&self, mut lots: Vec<Lot<'a, T>>) -> Vec<&'a T> {
        let nothing = Load::default();
        lots.sort_by(|a, b| a.name.cmp(&b.name));
        lots.sort_by_key(|lot| Reverse(nothing.more(&lot.inputs, lot.platforms)));
        let mut loads: Vec<_> = (0..self.count).map(|_| Load::default()).collect();
        let mut mine = BTreeMap::new();
        for Lot { name, images, platforms, inputs } in lots {
            let lightest = loads.iter_mut().enumerate().min_by_key(|(at, load)| {
                let more = load.more(&inputs, platforms);
                (load.cost + more, more, *at)
            });
            let Some((at, load)) = lightest else { continue };
            load.cost += load.more(&inputs, platforms);
            load.inputs.extend(inputs.into_keys());
            if at == self.index {
                mine.insert(name, images);
            }
        }
        mine.into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lot<'a>(name: &'a &'static str, inputs: &[(&str, u64)]) -> Lot<'a, &'static str> {
        let inputs = inputs.iter().map(|(input, mib)| (Sha256::of(input.as_bytes()), mib << 20)).collect();
        Lot { name: (*name).to_owned(), images: vec![name], platforms: 1, inputs }
    }

    fn dealt(lots: &[Lot<'_, &'static str>], count: usize) -> Vec<Vec<&'static str>> {
        let shard = |index| Shard { index, count };
        (0..count).map(|index| shard(index).images(lots.to_vec()).into_iter().copied().collect()).collect()
    }

    #[test]
    fn what_shares_packages_comes_together_where_that_costs_no_time() {
        let lots = [
            lot(&"static", &[("base-files", 5)]),
            lot(&"base", &[("base-files", 5), ("libc6", 20)]),
            lot(&"java17", &[("libc6", 20), ("jre17", 200)]),
            lot(&"java21", &[("libc6", 20), ("jre21", 210)]),
            lot(&"nodejs", &[("libc6", 20), ("node", 100)]),
            lot(&"python", &[("libc6", 20), ("python", 50)]),
        ];
        assert_eq!(dealt(&lots, 3), [&["java21"][..], &["java17"], &["base", "nodejs", "python", "static"]]);
        assert_eq!(dealt(&lots[..1], 2), [&["static"][..], &[]]);
    }

    #[test]
    fn shards_are_read_and_shown() {
        assert_eq!("3/8".parse::<Shard>().unwrap().to_string(), "3/8");
        for text in ["", "3", "0/8", "9/8", "1/0", "-1/3", "a/b", "1/2/3"] {
            assert_eq!(text.parse::<Shard>(), Err(InvalidShard), "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_lot_is_in_one_shard(costs in proptest::collection::vec((0u64..9, 0u64..99), 0..20), count in 1usize..9) {
            let names: Vec<_> = (0..costs.len()).map(|at| format!("lot-{at:02}")).collect();
            let lots: Vec<_> = names.iter().zip(&costs).map(|(name, (input, cost))| Lot {
                name: name.clone(),
                images: vec![name],
                platforms: 1,
                inputs: [(Sha256::of(&input.to_le_bytes()), *cost)].into(),
            }).collect();
            let shard = |index| Shard { index, count }.images(lots.clone());
            let mut all: Vec<_> = (0..count).flat_map(shard).collect();
            all.sort();
            prop_assert_eq!(all, names.iter().collect::<Vec<_>>());
        }
    }
}
