mod audience;
