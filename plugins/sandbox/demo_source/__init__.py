"""What the demo catalogue is made from: hand-written content (YAML), and the code that turns it into API shapes."""
