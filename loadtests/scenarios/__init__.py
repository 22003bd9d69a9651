"""What is done to a target: mail transfer, FTP, scripts. Each brings its options, its plan and its machine."""
