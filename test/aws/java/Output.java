/** Results: one JSON object a line, out at once, from any thread. */
final class Output {
    private Output() {}

    /** {@code line("key", "a", "n", 1)}; numbers stay numbers, null stays null, all else is text. */
    static void line(Object... namesAndValues) {
        StringBuilder text = new StringBuilder("{");
        for (int at = 0; at < namesAndValues.length; at += 2) {
            if (at > 0) text.append(',');
            quote(text, namesAndValues[at].toString());
            text.append(':');
            Object value = namesAndValues[at + 1];
            if (value == null || value instanceof Number || value instanceof Boolean) text.append(value);
            else quote(text, value.toString());
        }
        String line = text.append("}\n").toString();
        synchronized (System.out) {
            System.out.print(line);
            System.out.flush();
        }
    }

    private static void quote(StringBuilder text, String value) {
        text.append('"');
        for (char letter : value.toCharArray()) {
            if (letter == '"' || letter == '\\') text.append('\\').append(letter);
            else if (letter < ' ') text.append(String.format("\\u%04x", (int) letter));
            else text.append(letter);
        }
        text.append('"');
    }
}
