"""Access: who may use a served network (`entrance`), how many of their runs go on at once (`places`), and how much
these may use (`quotas`)."""
