"""What is done with every example: run it, measure it, save it, load it again, draw it, write it down."""
