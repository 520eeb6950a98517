"""The Wengert list: recorded, run again, checked, simplified."""
