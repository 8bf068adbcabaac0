//! Management roles and the permission to see modules.

/// The management roles.
pub(crate) const ALL: [&str; 7] =
    ["admin", "cluster_member", "cluster_viewer", "db_member", "db_viewer", "user_manager", "none"];

/// Returns whether one of the roles has the permission `view_cluster_modules`: as in servers since 7.4,
/// every role but `none` has it. An unknown role has no permission.
pub(crate) fn may_view_modules<R: AsRef<str>>(roles: &[R]) -> bool {
    let holds = |role: &str| role != "none" && ALL.contains(&role);
    roles.iter().any(|role| holds(role.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_six_roles_may_view_modules() {
        for role in
            ["admin", "cluster_member", "cluster_viewer", "db_member", "db_viewer", "user_manager"]
        {
            assert!(may_view_modules(&["none", role]), "{role}");
        }
        assert!(!may_view_modules::<&str>(&[]));
        for role in ["none", "", "Admin", "admin ", "administrator"] {
            assert!(!may_view_modules(&[role]), "{role}");
        }
    }
}
