//! The whole catalog against its own policy, every layer read.

use super::live;

#[test]
fn the_catalog_is_clean_under_its_own_policy() {
    let said = live().world.distro(&["audit"]);
    assert_eq!(said.status, Some(0), "{said}");
}
