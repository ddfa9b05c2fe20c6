exports.greeting = () => 'hello';
