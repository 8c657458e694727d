"""Learning a policy: from what systems did on calibration questions to which of them is used where."""
