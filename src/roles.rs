//! Management roles and the permission to see modules.

/// The management roles that hold the permission `view_cluster_modules`, as in servers since 7.4.
const VIEW_CLUSTER_MODULES: [&str; 6] =
    ["admin", "cluster_member", "cluster_viewer", "db_member", "db_viewer", "user_manager"];

/// Tells whether one of the roles holds `view_cluster_modules`. An unknown role holds nothing.
pub(crate) fn may_view_modules<R: AsRef<str>>(roles: &[R]) -> bool {
    roles.iter().any(|role| VIEW_CLUSTER_MODULES.contains(&role.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_six_roles_may_view_modules() {
        for role in VIEW_CLUSTER_MODULES {
            assert!(may_view_modules(&["none", role]), "{role}");
        }
        assert!(!may_view_modules::<&str>(&[]));
        for role in ["none", "", "Admin", "admin ", "administrator"] {
            assert!(!may_view_modules(&[role]), "{role}");
        }
    }
}
